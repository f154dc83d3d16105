import { asError } from '../lib/errors';
import { plainLine } from './escape';
import { writeReport } from './json';
import { writeMetrics } from './metrics';
import type { Report } from './model';
import { summaryOf } from './summary/summary';

/** Where a report goes; an output that is left out is not written. */
export interface Outputs {
  /** Path of the JSON report. */
  readonly reportPath?: string | undefined;
  /** Path of Prometheus' text file. */
  readonly metricsPath?: string | undefined;
  /** Takes the job summary, as Markdown. */
  readonly appendSummary?: ((markdown: string) => Promise<void>) | undefined;
  /** Address of the GitHub that shows the summary: see `SummaryOptions`. */
  readonly serverUrl?: string | undefined;
}

/**
 * Writes all outputs that are asked for. A failing one does not stop the others.
 * @param warn gets one line for each output that could not be written
 */
export async function writeOutputs(report: Report, outputs: Outputs, warn: (line: string) => void): Promise<void> {
  const { reportPath, metricsPath, appendSummary, serverUrl } = outputs;
  const attempt = async (what: string, write: () => Promise<void>) => {
    try {
      await write();
    } catch (error) {
      warn(plainLine(`${what} could not be written: ${asError(error).message}`));
    }
  };
  if (reportPath !== undefined) await attempt('The report', () => writeReport(reportPath, report));
  if (metricsPath !== undefined) await attempt('The metrics', () => writeMetrics(metricsPath, report));
  if (appendSummary !== undefined) {
    await attempt('The summary', () => appendSummary(summaryOf(report, { reportPath, serverUrl })));
  }
}
