import type { Report } from '../model';
import { countsSection } from './counts';
import { deathsSection } from './deaths';
import { diskSection } from './disk';
import { failuresSection } from './failures';
import { fitted } from './fit';
import { footerSection } from './footer';
import { headlineSection, isUneventful, uneventfulLine } from './headline';
import { previousRunsSection } from './previous-runs';
import { timelineSection } from './timeline';
import { untouchedSection } from './untouched';
import { workspaceSection } from './workspace';

export interface SummaryOptions {
  /** The report's path, for sections without room. */
  readonly reportPath?: string | undefined;
  /** The GitHub that shows the summary: links lead only there. */
  readonly serverUrl?: string | undefined;
  /** Bytes. */
  readonly limit?: number;
}

/**
 * GitHub drops a step's summary above 1024 KiB. Leaves some room for other writers of the step.
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
 */
const LIMIT_BYTES = 1_000_000;

/**
 * The job summary in GitHub's Markdown: the result, what needs action, then details. Foreign text
 * is escaped, and only in HTML blocks and fenced blocks. Never throws.
 */
export function summaryOf(report: Report, { reportPath, serverUrl, limit = LIMIT_BYTES }: SummaryOptions = {}): string {
  if (isUneventful(report)) return `${uneventfulLine(report)}\n\n`;
  return fitted(
    [
      headlineSection(report),
      failuresSection(report),
      untouchedSection(report),
      deathsSection(report),
      ...(report.phases.pre?.disk ? [diskSection(report)] : []),
      workspaceSection(report),
      countsSection(report),
      previousRunsSection(report, serverUrl),
      timelineSection(report),
      footerSection(report, reportPath),
    ],
    limit,
  );
}
