import { writeWhole } from '../lib/atomic-file';
import type { PhaseReport, Report } from './model';

/** Writes `report.json`, with one resource a line. */
export async function writeReport(path: string, report: Report): Promise<void> {
  await writeWhole(path, jsonOf(report));
}

const NO_RESOURCES = '"resources": []';

/**
 * The report in pieces, which together are its JSON: ten thousand resources are never one string in memory. Everything but the resources
 * comes first; where they belong is told by a text that stands in no string of JSON, in which a quotation mark has a backslash before it.
 */
export function* jsonOf(report: Report): Generator<string> {
  const { pre, run, post } = report.phases;
  const without = (phase: PhaseReport | null) => phase && { ...phase, resources: [] };
  const phases = { pre: without(pre), run: without(run), post: without(post) };
  const [first = '', ...others] = JSON.stringify({ ...report, phases }, null, 2).split(NO_RESOURCES);
  yield first;
  const told = [pre, run, post].filter((phase) => phase !== null);
  for (const [index, { resources }] of told.entries()) {
    yield '"resources": [';
    for (const [place, resource] of resources.entries()) yield `${place === 0 ? '' : ','}\n        ${JSON.stringify(resource)}`;
    yield resources.length === 0 ? ']' : '\n      ]';
    yield others[index] ?? '';
  }
  yield '\n';
}
