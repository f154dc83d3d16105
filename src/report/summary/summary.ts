import type { Report } from '../model';
import { countsSection } from './counts';
import { deathsSection } from './deaths';
import { failuresSection } from './failures';
import { fitted } from './fit';
import { footerSection } from './footer';
import { headlineSection, isUneventful, uneventfulLine } from './headline';
import { previousRunsSection } from './previous-runs';
import { timelineSection } from './timeline';
import { untouchedSection } from './untouched';

export interface SummaryOptions {
  /** Path of the whole report, which the summary points to where it has no room. */
  readonly reportPath?: string | undefined;
  /** Address of the GitHub that shows the summary: links lead to runs there, and nowhere else. */
  readonly serverUrl?: string | undefined;
  /** The maximum size, in bytes. */
  readonly limit?: number;
}

/**
 * GitHub drops a step's whole summary when it is larger than 1024 KiB. The difference is left for
 * other writers of the same step.
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
 */
const LIMIT_BYTES = 1_000_000;

/**
 * The job summary, in GitHub's Markdown: the result in one line, then what needs action, then the
 * details. Foreign text is in HTML blocks and fenced blocks only, escaped for them. Never throws.
 */
export function summaryOf(report: Report, { reportPath, serverUrl, limit = LIMIT_BYTES }: SummaryOptions = {}): string {
  if (isUneventful(report)) return `${uneventfulLine(report)}\n\n`;
  return fitted(
    [
      headlineSection(report),
      failuresSection(report),
      untouchedSection(report),
      deathsSection(report),
      countsSection(report),
      previousRunsSection(report, serverUrl),
      timelineSection(report),
      footerSection(report, reportPath),
    ],
    limit,
  );
}
