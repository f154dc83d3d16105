import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { metricsOf } from '../../../src/report/metrics';
import { summaryOf } from '../../../src/report/summary/summary';
import { writeOutputs } from '../../../src/report/write';
import { failed, HOSTILE, phase, report } from '../../support/report/sample';

const made = report({ post: phase([failed({ name: HOSTILE })]) });

let directory: string;
let warnings: string[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'outputs-'));
  warnings = [];
});
afterEach(() => rm(directory, { recursive: true }));

const warn = (line: string) => warnings.push(line);
const inDirectory = (name: string) => join(directory, name);
const content = (name: string) => readFile(inDirectory(name), 'utf8');

describe('the outputs', () => {
  it('are all written', async () => {
    const summaries: string[] = [];
    const reportPath = inDirectory('new/report.json');
    const appendSummary = async (markdown: string) => {
      summaries.push(markdown);
    };
    await writeOutputs(made, { reportPath, metricsPath: inDirectory('metrics.prom'), appendSummary }, warn);

    expect(JSON.parse(await content('new/report.json'))).toEqual(made);
    expect(await content('metrics.prom')).toBe(await metricsOf(made));
    expect(summaries).toEqual([summaryOf(made, { reportPath })]);
    expect(warnings).toEqual([]);
  });

  it('are none where none is asked for', async () => {
    await writeOutputs(made, {}, warn);
    expect(warnings).toEqual([]);
  });

  it('that can’t be written are a warning of one line each, and stop no other', async () => {
    const appendSummary = () => Promise.reject(new Error('no space\n::error::x'));
    const noFile = directory;
    await writeOutputs(made, { reportPath: noFile, metricsPath: inDirectory('metrics.prom'), appendSummary }, warn);

    expect(warnings).toEqual([
      expect.stringMatching(/^The report could not be written: E/),
      'The summary could not be written: no space ::error::x',
    ]);
    expect(await content('metrics.prom')).toBe(await metricsOf(made));
  });
});
