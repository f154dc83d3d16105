import { writeWhole } from './atomic';
import type { Report } from './model';

/** Writes `report.json`. */
export async function writeReport(path: string, report: Report): Promise<void> {
  await writeWhole(path, `${JSON.stringify(report, null, 2)}\n`);
}
