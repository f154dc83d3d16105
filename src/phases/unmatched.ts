import type { Resource } from '../core/resource';
import { type Filters, hasPrefix, type LabelFilter, matchesFilters } from '../core/selector';
import type { DeathReport, PhaseReport, UnmatchedReport } from '../report/model';

/** Lists the filters that none of the resources matches. */
export function unmatchedIn(resources: readonly Resource[], { labels, namePrefixes }: Filters): readonly UnmatchedReport[] {
  const isMatched = (filters: Partial<Filters>) =>
    resources.some((resource) => matchesFilters(resource, { labels: [], namePrefixes: [], ...filters }));
  return [
    ...labels
      .filter((line) => !isMatched({ labels: [line] }))
      .map((line) => ({ setting: 'labels' as const, filter: line.map(labelText).join(',') })),
    ...namePrefixes
      .filter((prefix) => !isMatched({ namePrefixes: [prefix] }))
      .map((prefix) => ({ setting: 'name-prefixes' as const, filter: prefix })),
  ];
}

/** As it is written in `labels`. */
function labelText({ key, value }: LabelFilter): string {
  return (value === undefined ? key : `${key}=${value}`).replaceAll(',', '\\,');
}

/** The job before its last cleanup. */
export interface Earlier {
  readonly deaths: readonly DeathReport[];
  readonly phases: readonly (PhaseReport | null)[];
}

/**
 * Drops filters that may have matched resources which were gone by the last cleanup. Of those only
 * names are known: any label may have matched.
 */
export function stillUnmatched(unmatched: readonly UnmatchedReport[], { deaths, phases }: Earlier): readonly UnmatchedReport[] {
  const gone = [...deaths, ...phases.flatMap((phase) => phase?.resources ?? [])];
  return unmatched.filter(({ setting, filter }) =>
    setting === 'labels' ? gone.length === 0 : !gone.some(({ name }) => hasPrefix(name, filter)),
  );
}
