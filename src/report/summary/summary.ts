import type { Report } from '../model';
import { countsSection } from './counts';
import { deathsSection } from './deaths';
import { failuresSection } from './failures';
import { fitted } from './fit';
import { originSection } from './footer';
import { headSection, isUneventful, uneventfulLine } from './headline';
import { earlierSection } from './previous-runs';
import { timelineSection } from './timeline';

export interface SummaryOptions {
  /** Where the whole report is, for what there is no room for. */
  readonly reportPath?: string | undefined;
  /** Address of the GitHub that the summary is for: runs there are linked to, and nothing else is. */
  readonly serverUrl?: string | undefined;
  /** Bytes. */
  readonly limit?: number;
}

/**
 * GitHub drops a step's summary over 1024 KiB as a whole. The rest is left for what other code of the same step may write.
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
 */
const LIMIT_BYTES = 1_000_000;

/**
 * The job summary: a head line that tells all, then what people need who must act, then the counts. GitHub's Markdown; foreign text
 * stands in HTML blocks and fences only, escaped for them. Never throws, and never longer than GitHub takes.
 */
export function summaryOf(report: Report, { reportPath, serverUrl, limit = LIMIT_BYTES }: SummaryOptions = {}): string {
  if (isUneventful(report)) return `${uneventfulLine(report)}\n\n`;
  return fitted(
    [
      headSection(report),
      failuresSection(report),
      deathsSection(report),
      countsSection(report),
      earlierSection(report, serverUrl),
      timelineSection(report),
      originSection(report, reportPath),
    ],
    limit,
  );
}
