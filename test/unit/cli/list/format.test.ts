import { expect, it } from 'vitest';
import { FIELD_NAMES, jsonOf, readFormat } from '../../../../src/cli/list/format';
import { listed } from '../../../support/cli/listed';

it('puts fields where the template has them', () => {
  expect(readFormat('{{.Kind}}/{{ .Name }} $1 100%').line(listed())).toBe('container/task-1 $1 100%');
});

it('reads \\t and \\n', () => {
  expect(readFormat('{{.Kind}}\\t{{.State}}\\n--').line(listed())).toBe('container\trunning\n--');
});

it('takes no template out of a name', () => {
  expect(readFormat('{{.Name}}').line(listed({ resource: { name: '{{.ID}}\\t$&' } }))).toBe('{{.ID}}\\t$&');
});

it.each(FIELD_NAMES)('has a text for %s, whatever is not known', (name) => {
  const unknown = listed({ session: undefined, ageMs: undefined });
  expect(readFormat(`{{.${name}}}`).line(unknown)).not.toMatch(/undefined|null|NaN/);
});

it.each(['{{.Nmae}}', '{{Name}}', '{{}}', '{{.constructor}}'])('refuses %s', (template) => {
  expect(() => readFormat(template)).toThrow(/^--format: .* is unknown; use/);
});

it.each([
  ['{{.Size}}', true],
  ['{{ .Bytes }}', true],
  ['{{.Name}}', false],
])('%s asks for sizes: %s', (template, withSizes) => {
  expect(readFormat(template).withSizes).toBe(withSizes);
});

it('has null in JSON for what is not known', () => {
  const json = jsonOf(listed({ session: undefined, ageMs: undefined }));
  expect(json).toMatchObject({
    image: null,
    createdAt: null,
    ageSeconds: null,
    session: null,
    runUrl: null,
    sizeBytes: null,
    protection: null,
  });
});
