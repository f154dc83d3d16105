import { asError } from '../lib/errors';
import { plainLine } from './escape';
import { writeReport } from './json';
import type { Report } from './model';
import { summaryOf } from './summary/summary';

/** Where a report goes. An absent output is not written. */
export interface Outputs {
  readonly reportPath?: string | undefined;
  /** The path of Prometheus' text file. */
  readonly metricsPath?: string | undefined;
  readonly appendSummary?: ((markdown: string) => Promise<void>) | undefined;
  /** See `SummaryOptions`. */
  readonly serverUrl?: string | undefined;
}

/**
 * Writes all outputs that are asked for, even if one fails.
 * @param warn gets a line for each that could not be written
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
  if (metricsPath !== undefined) {
    // Loading prom-client takes a while, and most jobs write no metrics.
    await attempt('The metrics', async () => {
      const { writeMetrics } = await import(/* webpackMode: "eager" */ './metrics');
      await writeMetrics(metricsPath, report);
    });
  }
  if (appendSummary !== undefined) {
    await attempt('The summary', () => appendSummary(summaryOf(report, { reportPath, serverUrl })));
  }
}
