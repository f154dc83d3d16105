import { htmlCode, htmlProse } from '../escape';
import { isRemovedLater } from '../leftovers';
import type { PhaseReport, Report, ResourceReport } from '../model';
import { verdictOf } from '../verdict';
import { count, countKinds, endOfSession, time } from '../words';
import type { Section } from './fit';

const MAX_SESSIONS = 5;

/**
 * The result of pre-cleanup, and the runs that left the resources.
 * @param serverUrl the GitHub to link to; without it there are no links
 */
export function previousRunsSection({ phases }: Report, serverUrl: string | undefined): Section {
  const { pre } = phases;
  return {
    title: 'the leftovers of earlier runs',
    priority: 4,
    render(maxItems) {
      if (pre === null || pre.resources.length === 0) return '';
      const sessions = sessionList(pre.resources, Math.min(maxItems, MAX_SESSIONS), serverUrl);
      return [`<p>Left behind by earlier runs: ${htmlProse(resultOf(pre, phases))}.</p>`, ...sessions].join('\n');
    },
  };
}

function resultOf(pre: PhaseReport, phases: Report['phases']): string {
  const { kind, headline } = verdictOf(pre);
  const handled = pre.resources.filter(({ outcome }) => outcome !== 'kept' && outcome !== 'gone');
  if (kind === 'clean' && handled.length > 0) return `${countKinds(handled)}, removed in ${time(pre.durationMs)}`;
  const failed = pre.resources.filter(({ outcome }) => outcome === 'failed');
  const later = failed.filter((resource) => isRemovedLater(resource, phases)).length;
  if (later === 0) return headline;
  return later === failed.length
    ? `${countKinds(handled)}; ${later} of them removed later`
    : `${headline}; ${later} removed later`;
}

function sessionList(resources: readonly ResourceReport[], maxItems: number, serverUrl: string | undefined): readonly string[] {
  const bySession = [...Map.groupBy(resources, ({ session }) => session ?? '')].filter(([session]) => session !== '');
  const items = bySession
    .slice(0, maxItems)
    .map(([session, left]) => `<li>${countKinds(left)} of ${source(session, left, serverUrl)}${whyOver(left)}</li>`);
  if (items.length === 0) return [];
  const more = bySession.length - items.length;
  return ['<ul>', ...items, ...(more > 0 ? [`<li>and of ${count(more, 'other session')}</li>`] : []), '</ul>'];
}

/**
 * Resources of one session can differ: some carry labels that GitHub can be asked by, and some do
 * not.
 */
function whyOver(left: readonly ResourceReport[]): string {
  const reasons = new Set(left.flatMap(({ evidence }) => (evidence ? endOfSession(evidence) : [])));
  return reasons.size === 0 ? '' : ` (${[...reasons].join('; ')})`;
}

function source(session: string, left: readonly ResourceReport[], serverUrl: string | undefined): string {
  const address = left.flatMap(({ runUrl }) => (runUrl !== null && isRunOn(serverUrl, runUrl) ? [runUrl] : []))[0];
  return address === undefined ? htmlCode(session) : `<a href="${address}">${htmlCode(session)}</a>`;
}

/** The address of a run's page. */
const RUN_ADDRESS = /^https:\/\/[A-Za-z0-9.-]+(:\d{1,5})?\/[\w.-]+\/[\w.-]+\/actions\/runs\/\d+(\/attempts\/\d+)?$/;

/** A label can hold any address: link only to the same GitHub. */
function isRunOn(serverUrl: string | undefined, runUrl: string): boolean {
  if (serverUrl === undefined || !RUN_ADDRESS.test(runUrl)) return false;
  const server = URL.parse(serverUrl);
  return server !== null && URL.parse(runUrl)?.origin === server.origin;
}
