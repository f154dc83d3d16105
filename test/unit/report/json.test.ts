import { describe, expect, it } from 'vitest';
import { jsonOf } from '../../../src/report/json';
import { disk, failed, HOSTILE, phase, report, resource } from '../../support/report/sample';

const text = (...made: Parameters<typeof report>) => [...jsonOf(report(...made))].join('');

describe('the report as JSON', () => {
  it.each([
    ['no phase', {}],
    ['a phase with nothing', { post: phase() }],
    ['one resource', { post: phase([resource()]) }],
    ['several phases, some of them empty', { pre: phase([resource(), failed()]), post: phase() }],
    ['goals for disk space', { pre: phase([resource()], { disk: [disk(), disk({ images: [] })] }), post: phase() }],
    ['hostile names', { pre: phase([resource({ name: HOSTILE })]), post: phase([failed({ error: '"resources": []' })]) }],
  ])('is the same as ever with %s', (_, parts) => {
    expect(JSON.parse(text(parts))).toEqual(report(parts));
  });

  it('has one resource a line', () => {
    const lines = text({ post: phase([resource(), failed()]) }).split('\n');
    expect(lines.filter((line) => line.includes('"outcome":'))).toHaveLength(2);
  });

  it('ends with a line break', () => {
    expect(text({}).endsWith('}\n')).toBe(true);
  });
});
