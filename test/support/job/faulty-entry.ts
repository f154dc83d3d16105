/**
 * An entry with a fault. Its arguments: the phase, the fault, and the file whose appearance sets the fault off (at once when there is
 * none).
 */
import { existsSync } from 'node:fs';
import { main } from '../../../src/action/main';
import { post } from '../../../src/action/post';
import { type Phase, runPhase } from '../../../src/action/run-phase';
import { systemClock } from '../../../src/lib/clock';

const phases: Readonly<Record<string, Phase>> = {
  main,
  post,
  forgetful: () => new Promise(() => undefined),
  'throwing beside others': async ({ stop }) => {
    const beside = setInterval(() => undefined, 1_000);
    stop.addEventListener('abort', () => clearInterval(beside));
    throw new Error('expected\ntrouble');
  },
};

const faults: Readonly<Record<string, () => void>> = {
  none: () => undefined,
  timer: () => {
    throw new Error('a timer\n::warning::broke');
  },
  promise: () => void Promise.reject(new Error('a promise broke')),
};

const [phase = '', fault = '', trigger] = process.argv.slice(2);

if (fault !== 'none') {
  const timer = setInterval(() => {
    if (trigger === undefined || existsSync(trigger)) faults[fault]?.();
  }, 20);
  timer.unref();
}

void runPhase(phases[phase] ?? main, { env: process.env, clock: systemClock }, 20_000);
