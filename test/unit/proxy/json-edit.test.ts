import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applied, elementsOf, labelEdits, valueAt } from '../../../src/proxy/json-edit';

const added = (text: string, path = ['Labels'], labels: Record<string, string> = { own: 'S', more: 'm' }) =>
  applied(text, labelEdits(text, path, labels, 'own'));

describe('labels', () => {
  test.each([
    ['{}', '{"Labels":{"own":"S","more":"m"}}'],
    [' {\n} ', ' {"Labels":{"own":"S","more":"m"}\n} '],
    ['{"Image":"x"}', '{"Labels":{"own":"S","more":"m"},"Image":"x"}'],
    ['{"Labels":null}', '{"Labels":{"own":"S","more":"m"}}'],
    ['{"Labels":{}}', '{"Labels":{"own":"S","more":"m"}}'],
    ['{"Labels": { "a" : "b" } }', '{"Labels": {"own":"S","more":"m", "a" : "b" } }'],
    ['{"labels":{"a":"b"}}', '{"labels":{"own":"S","more":"m","a":"b"}}'],
    ['{"Labels":{"more":"theirs"}}', '{"Labels":{"own":"S","more":"theirs"}}'],
    ['{"Labels":{"a":"1"},"LABELS":null}', '{"Labels":{"a":"1"},"LABELS":{"own":"S","more":"m"}}'],
  ])('come into %j', (text, result) => {
    expect(added(text)).toBe(result);
  });

  test.each([
    ['{"Labels":{"own":"another"}}'],
    ['{"Labels":{"own":"another"},"labels":{}}'],
    ['{"Labels":["own"]}'],
    ['{"Labels":"own"}'],
    ['[]'],
    ['"Labels"'],
    ['7'],
    ['null'],
  ])('leave %j as it is', (text) => {
    expect(added(text)).toBe(text);
  });

  test('keep numbers that JavaScript can’t hold, and the order and form of everything', () => {
    const text = '{"Ulimits":[{"Hard":18446744073709551615,"Soft":1.0}], "b":"\\u0041\\"}", "a":1e400, "Labels":{"x":"]}\\\\"}}';
    expect(added(text)).toBe(text.replace('{"x"', '{"own":"S","more":"m","x"'));
  });

  test('are made on a way that is not there', () => {
    expect(added('{"VolumeOptions":{"NoCopy":true}}', ['VolumeOptions', 'Labels'])).toBe(
      '{"VolumeOptions":{"Labels":{"own":"S","more":"m"},"NoCopy":true}}',
    );
    expect(added('{"a":[]}', ['VolumeOptions', 'Labels'])).toBe('{"VolumeOptions":{"Labels":{"own":"S","more":"m"}},"a":[]}');
  });

  test('of any text are written so that each character is a byte', () => {
    expect(added('{}', ['Labels'], { own: 'é“🎉"\u2028' })).toBe('{"Labels":{"own":"\\u00e9\\u201c\\ud83c\\udf89\\"\\u2028"}}');
  });

  test('are all that is added to any JSON', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(object, fc.nat(3), (value, indent) => {
        const { Labels: _, labels: __, ...others } = value;
        const text = Buffer.from(JSON.stringify(others, null, indent)).toString('latin1');
        const named = Object.keys(others).some((key) => key.toLowerCase() === 'labels');
        const result = JSON.parse(Buffer.from(added(text), 'latin1').toString());
        if (!named) expect(result).toEqual(JSON.parse(JSON.stringify({ ...others, Labels: { own: 'S', more: 'm' } })));
      }),
    );
  });
});

test('values and elements are found', () => {
  const text = '{"a":{"B":[ 1, {"x":[2]} ,"]" ,[] ]}}';
  const { start = 0, end = 0 } = valueAt(text, ['A', 'b']) ?? {};
  expect(text.slice(start, end)).toBe('[ 1, {"x":[2]} ,"]" ,[] ]');
  expect(elementsOf(text, start).map((at) => text[at])).toEqual(['1', '{', '"', '[']);
  expect(valueAt(text, ['a', 'c'])).toBeUndefined();
});
