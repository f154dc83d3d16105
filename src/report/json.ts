import { writeWhole } from '../lib/atomic-file';
import { plainJson } from './escape';
import type { PhaseReport, Report } from './model';

/** Writes `report.json`, with one resource a line. @throws the file system's errors */
export async function writeReport(path: string, report: Report): Promise<void> {
  await writeWhole(path, jsonOf(report));
}

const NO_RESOURCES = '"resources": []';

/**
 * The report's JSON in pieces: ten thousand resources are never one string in memory. Renders the
 * rest first; `"resources": []` marks their places, and can't occur inside a JSON string, where
 * quotation marks have a backslash.
 */
export function* jsonOf(report: Report): Generator<string> {
  const { pre, run, post } = report.phases;
  const without = (phase: PhaseReport | null) => phase && { ...phase, resources: [] };
  const phases = { pre: without(pre), run: without(run), post: without(post) };
  const [first = '', ...others] = plainJson(JSON.stringify({ ...report, phases }, null, 2)).split(NO_RESOURCES);
  yield first;
  const present = [pre, run, post].filter((phase) => phase !== null);
  for (const [index, { resources }] of present.entries()) {
    yield '"resources": [';
    for (const [place, resource] of resources.entries()) {
      yield `${place === 0 ? '' : ','}\n        ${plainJson(JSON.stringify(resource))}`;
    }
    yield resources.length === 0 ? ']' : '\n      ]';
    yield others[index] ?? '';
  }
  yield '\n';
}
