import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { summaryOf } from '../../../../src/report/summary/summary';
import { terminalOf } from '../../../../src/report/terminal/terminal';
import { validReport } from '../../../support/report/report-schema';
import { scenarioNames, scenarios } from '../../../support/report/scenarios';

/** What people see, as a whole. `npx vitest run --project unit golden -u` writes them anew: look at them then. */
const golden = (file: string) => join(import.meta.dirname, 'golden', file);

/** GitHub's limit for one step's summary. */
const MAX_BYTES = 1024 * 1024;

const readable = scenarioNames.filter((name) => name !== 'huge');
const options = { reportPath: '/tmp/report.json', serverUrl: 'https://github.com' };

describe.each(readable)('the scenario “%s”', (name) => {
  it('has its job summary', async () => {
    await expect(summaryOf(scenarios[name](), options)).toMatchFileSnapshot(golden(`${name}.md`));
  });

  it('has a report as its schema says', () => {
    expect(() => validReport(JSON.stringify(scenarios[name]()))).not.toThrow();
  });

  it('has its picture in a terminal', async () => {
    await expect(terminalOf(scenarios[name](), { color: false, maxItems: 8, columns: 100 })).toMatchFileSnapshot(
      golden(`${name}.txt`),
    );
  });
});

describe('the huge scenario', { timeout: 60_000 }, () => {
  const huge = scenarios.huge();

  it('fits into what GitHub takes', () => {
    expect(Buffer.byteLength(summaryOf(huge, options))).toBeLessThan(MAX_BYTES);
  });

  it('has every section nonetheless', () => {
    const summary = summaryOf(huge, options);
    for (const part of ['5000 containers are left behind', '500 containers failed', '<td align="right">14980</td>', '```mermaid'])
      expect(summary).toContain(part);
  });

  it('takes a terminal no more lines than it lists', () => {
    expect(terminalOf(huge, { color: false, maxItems: 8, columns: 100 }).split('\n').length).toBeLessThan(200);
  });
});
