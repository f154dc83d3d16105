import { describe, expect, it } from 'vitest';
import { freedByKind, freedLine, freedWords } from '../../../src/report/freed';
import { metricsOf } from '../../../src/report/metrics';
import { summaryOf } from '../../../src/report/summary/summary';
import { verdictOf } from '../../../src/report/verdict';
import { phase, report, resource } from '../../support/report/sample';

const images = [
  resource({ kind: 'image', outcome: 'removed', bytes: 80e9 }),
  resource({ kind: 'image', outcome: 'removed', bytes: 3.5e9 }),
  resource({ kind: 'volume', outcome: 'removed', bytes: 0.5e9 }),
  resource({ kind: 'network', outcome: 'removed' }),
];

describe('disk that came back', () => {
  it('is added up by kind', () => {
    expect([...freedByKind(images)]).toEqual([
      ['volume', 0.5e9],
      ['image', 83.5e9],
    ]);
    expect([freedWords(images), freedLine(images)]).toEqual([
      '84.0GB free again',
      'Disk free again: volumes 500MB, images 83.5GB',
    ]);
  });

  it.each([[[]], [[resource()]], [[resource({ bytes: 0 })]]])(
    'is not spoken of where there is none, or it is unknown',
    (some) => {
      expect([freedWords(some), freedLine(some)]).toEqual(['', '']);
    },
  );

  it('stands in headline, summary and metrics', async () => {
    const post = phase(images);
    expect(verdictOf(post).headline).toContain(', 84.0GB free again');
    const summary = summaryOf(report({ post }));
    expect(summary).toContain('<th align="right">disk freed</th>');
    expect(summary).toContain('<td align="right">83.5GB</td>');
    expect(await metricsOf(report({ post }))).toContain(
      'cleanup_action_freed_bytes{phase="post",provider="docker",kind="image"} 83500000000',
    );
  });

  it('takes no place in the summary where nothing was measured', () => {
    expect(summaryOf(report({ post: phase([resource()]) }))).not.toContain('disk freed');
  });
});
