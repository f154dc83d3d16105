import { Readable } from 'node:stream';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { EventReader, eventFilters } from '../../../../../src/providers/docker/events/events';

const event = (Action: string, attributes: Readonly<Record<string, string>> = {}, more: object = {}) =>
  JSON.stringify({
    Type: 'container',
    Action,
    Actor: { ID: 'abc', Attributes: { image: 'busybox', name: 'task-1', ...attributes } },
    timeNano: 1_795_254_534_269_083_100,
    ...more,
  });

const eventOf = (line: string, isPodman = false) => new EventReader('docker', isPodman).eventOf(line);

describe('an event', () => {
  it.each([
    ['create', 'created', false],
    ['start', 'started', false],
    ['kill', 'asked', false],
    ['oom', 'oom', false],
    ['die', 'died', false],
    ['died', 'died', true],
    ['destroy', 'removed', false],
    ['remove', 'removed', true],
    ['stop', 'asked', true],
    ['restart', 'asked', true],
  ])('%s is reported as %s (Podman: %s)', (action, kind, isPodman) => {
    expect(eventOf(event(action), isPodman)?.kind).toBe(kind);
  });

  it.each(['stop', 'restart'])('%s of Docker, which comes after the end that it brings about, is left out', (action) => {
    expect(eventOf(event(action))).toBeUndefined();
  });

  it('tells whose it is: by id, name, image and labels', () => {
    expect(eventOf(event('die', { team: 'blue' }))).toMatchObject({
      container: { id: 'abc', name: 'task-1', image: 'busybox', labels: { team: 'blue' } },
    });
  });

  it('tells when, in milliseconds', () => {
    expect(eventOf(event('die'))?.at).toBeCloseTo(1_795_254_534_269.083, 2);
  });

  it('tells the exit code of an end', () => {
    expect(eventOf(event('die', { exitCode: '137' }))?.exitCode).toBe(137);
  });

  it.each(['15', '9', '2', '37'])('of signal %s asks for an end', (signal) => {
    expect(eventOf(event('kill', { signal }))?.kind).toBe('asked');
  });

  it.each(['1', '10', '12', '28'])('of signal %s does not', (signal) => {
    expect(eventOf(event('kill', { signal }))).toBeUndefined();
  });

  it('of a request to end does not show the signal as a label', () => {
    expect(eventOf(event('kill', { signal: '15' }))?.container.labels).toEqual({});
  });

  it.each([
    ['of another kind of resource', event('create', {}, { Type: 'network' })],
    ['of a command in a container', event('exec_create: sh -c true')],
    ['of a health check', event('health_status: healthy')],
    ['that no version has had so far', event('levitate')],
    ['without an id', event('die', {}, { Actor: {} })],
    ['without a time', event('die', {}, { timeNano: undefined })],
    ['that is not JSON', '{"Type":"container",'],
    ['that is not an object', 'null'],
    ['that is empty', ''],
  ])('%s is left out', (_, line) => {
    expect(eventOf(line)).toBeUndefined();
  });
});

describe('the stream of events', () => {
  it('is reported line by line, however it is cut up', async () => {
    const text = `${event('create')}\n${event('levitate')}\n${event('die')}\n`;
    const kinds: string[] = [];
    const stream = Readable.from([...text].map((character) => Buffer.from(character)));
    for await (const { kind } of new EventReader('docker', false).read(stream)) kinds.push(kind);
    expect(kinds).toEqual(['created', 'died']);
  });
});

describe('a label that is called as what an event adds', () => {
  let reader: EventReader;
  beforeEach(() => {
    reader = new EventReader('docker', false);
  });

  it('is a label: a filter on it matches', () => {
    const labels = { exitCode: '0', signal: '1' };
    expect(reader.eventOf(event('create', labels))?.container.labels).toEqual(labels);
  });

  it('is not taken for an exit code, once an event before has shown it', () => {
    reader.eventOf(event('create', { exitCode: '0' }));
    const died = reader.eventOf(event('die', { exitCode: '0' }));
    expect(died).toMatchObject({ kind: 'died' });
    expect(died).not.toHaveProperty('exitCode');
  });

  it('is not taken for an exit code, once an inspection or a listing has shown it', () => {
    reader.note('abc', { exitCode: '0' });
    expect(reader.eventOf(event('die', { exitCode: '0' }))).not.toHaveProperty('exitCode');
  });

  it('does not hide a request to end', () => {
    reader.eventOf(event('start', { signal: '1' }));
    expect(reader.eventOf(event('kill', { signal: '1' }))?.kind).toBe('asked');
  });

  it('says nothing of other containers', () => {
    reader.note('another', { exitCode: '0' });
    expect(reader.eventOf(event('die', { exitCode: '3' }))?.exitCode).toBe(3);
  });
});

describe('what is asked for', () => {
  it('are the events that are reported, of all that an engine has', () => {
    expect(eventFilters(false)).toEqual({
      type: ['container'],
      event: expect.arrayContaining(['create', 'start', 'kill', 'oom', 'die', 'destroy']),
    });
    expect(eventFilters(false)['event']).not.toContain('attach');
  });

  it('are all of Podman’s, which has other names', () => {
    expect(eventFilters(true)).toEqual({ type: ['container'] });
  });
});

describe('whatever an engine writes', () => {
  const odd = fc.oneof(fc.jsonValue(), fc.constantFrom('container', 'die', 'create', 'kill', '', null, 7));
  const event = fc.record(
    {
      Type: fc.oneof({ weight: 4, arbitrary: fc.constant('container') }, { weight: 1, arbitrary: odd }),
      Action: fc.oneof(fc.constantFrom('create', 'start', 'die', 'kill', 'oom', 'destroy'), odd),
      Actor: fc.oneof(
        fc.record({ ID: fc.oneof(fc.constant('a'.repeat(64)), odd), Attributes: fc.oneof(fc.dictionary(fc.string(), odd), odd) }),
        fc.record({
          ID: fc.string(),
          Attributes: fc.record({ name: odd, image: odd, exitCode: odd, signal: odd }, { requiredKeys: [] }),
        }),
        odd,
      ),
      timeNano: fc.oneof(fc.constant(1e18), odd),
    },
    { requiredKeys: [] },
  );
  const line = fc.oneof(
    event.map((value) => JSON.stringify(value)),
    fc.string(),
    fc.json(),
  );

  it.each([false, true])('an event is read, or left out (Podman: %s)', (isPodman) => {
    fc.assert(
      fc.property(line, (text) => {
        const found = new EventReader('docker', isPodman).eventOf(text);
        if (found === undefined) return;
        const { id, name, image = '', labels } = found.container;
        expect([id, name, image, ...Object.values(labels)].map((value) => typeof value)).not.toContain('object');
        for (const value of [id, name, image, ...Object.values(labels)]) expect(typeof value).toBe('string');
        expect(Number.isFinite(found.at)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
