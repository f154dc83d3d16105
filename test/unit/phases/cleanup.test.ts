import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/config';
import type { Connection } from '../../../src/core/connection';
import { systemClock as clock } from '../../../src/lib/clock';
import { Deadline } from '../../../src/lib/deadline';
import { cleanUp } from '../../../src/phases/cleanup';

const skipped = { name: 'docker', status: 'skipped', reason: 'docker is false' } as const;
const unavailable = { name: 'daytona', status: 'unavailable', reason: 'no answer', required: false } as const;

async function verified(connections: readonly Connection[]): Promise<boolean | null> {
  const deadline = new Deadline(clock, 1_000);
  const mode = { kind: 'remove' } as const;
  const selection = { selector: () => true };
  try {
    const phase = await cleanUp({
      connections,
      selection,
      mode,
      config: parseConfig({}, {}),
      deadline,
      clock,
      log: () => undefined,
    });
    return phase.verified;
  } finally {
    deadline.dispose();
  }
}

describe('a cleanup', () => {
  it.each<[string, boolean | null, readonly Connection[]]>([
    ['neither verified nor unverified where every provider was skipped', null, [skipped, { ...skipped, name: 'daytona' }]],
    ['neither verified nor unverified where there is no provider', null, []],
    ['not verified where a provider could not be reached', false, [skipped, unavailable]],
  ])('is %s', async (_, expected, connections) => {
    expect(await verified(connections)).toBe(expected);
  });
});
