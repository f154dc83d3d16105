import type { Config } from '../../config/config';
import type { Report } from '../../report/model';
import { terminalOf } from '../../report/terminal/terminal';
import { foundNothingAtAll } from '../../report/verdict';
import { writeOutputs } from '../../report/write';
import { MAX_SHOWN, type Output } from '../terminal/output';

/** Writes the report and the metrics, and shows the report. */
export async function writeReport(
  report: Report,
  { metricsPath, reportPath }: Pick<Config, 'metricsPath' | 'reportPath'>,
  output: Output,
): Promise<void> {
  const problems: string[] = [];
  await writeOutputs(report, { reportPath, metricsPath }, (line) => problems.push(line));
  for (const problem of problems) output.warning(problem);
  if (output.level === 'quiet' && report.deaths.length === 0 && foundNothingAtAll(report.phases)) return;
  output.say(
    terminalOf(report, { color: output.hasColor('stderr'), maxItems: MAX_SHOWN, columns: output.errorColumns }).trimEnd(),
  );
  if (problems.length === 0) output.info(`Report: ${reportPath}`);
}
