import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { eventFilters, happeningOf, happeningsIn } from '../../../../../src/providers/docker/events/events';

const event = (Action: string, attributes: Readonly<Record<string, string>> = {}, more: object = {}) =>
  JSON.stringify({
    Type: 'container',
    Action,
    Actor: { ID: 'abc', Attributes: { image: 'busybox', name: 'task-1', ...attributes } },
    timeNano: 1_795_254_534_269_083_100,
    ...more,
  });

describe('an event', () => {
  it.each([
    ['create', 'created'],
    ['start', 'started'],
    ['oom', 'oom'],
    ['die', 'died'],
    ['died', 'died'],
    ['destroy', 'removed'],
    ['remove', 'removed'],
  ])('%s is told as %s', (action, kind) => {
    expect(happeningOf(event(action), 'docker')?.kind).toBe(kind);
  });

  it('tells whose it is: by id, name, image and labels', () => {
    expect(happeningOf(event('die', { team: 'blue' }), 'docker')).toMatchObject({
      container: { id: 'abc', name: 'task-1', image: 'busybox', labels: { team: 'blue' } },
    });
  });

  it('tells when, in milliseconds', () => {
    expect(happeningOf(event('die'), 'docker')?.at).toBeCloseTo(1_795_254_534_269.083, 2);
  });

  it('tells the exit code of an end', () => {
    expect(happeningOf(event('die', { exitCode: '137' }), 'docker')?.exitCode).toBe(137);
  });

  it.each([
    ['of another kind of resource', event('create', {}, { Type: 'network' })],
    ['of a command in a container', event('exec_create: sh -c true')],
    ['of a health check', event('health_status: healthy')],
    ['that no version has had so far', event('levitate')],
    ['without an id', event('die', {}, { Actor: {} })],
    ['without a time', event('die', {}, { timeNano: undefined })],
    ['that is no JSON', '{"Type":"container",'],
    ['that is no object', 'null'],
    ['that is empty', ''],
  ])('%s is left out', (_, line) => {
    expect(happeningOf(line, 'docker')).toBeUndefined();
  });
});

describe('the stream of events', () => {
  it('is told line by line, however it is cut up', async () => {
    const text = `${event('create')}\n${event('levitate')}\n${event('die')}\n`;
    const kinds: string[] = [];
    for await (const { kind } of happeningsIn(Readable.from([...text].map((character) => Buffer.from(character))), 'docker')) {
      kinds.push(kind);
    }
    expect(kinds).toEqual(['created', 'died']);
  });
});

describe('what is asked for', () => {
  it('are the events that are told, of all that an engine has', () => {
    expect(eventFilters(false)).toEqual({
      type: ['container'],
      event: expect.arrayContaining(['create', 'start', 'oom', 'die', 'destroy']),
    });
    expect(eventFilters(false)['event']).not.toContain('attach');
  });

  it('are all of Podman’s, which has other names', () => {
    expect(eventFilters(true)).toEqual({ type: ['container'] });
  });
});
