import { afterEach, describe, expect, it } from 'vitest';
import { ShutdownSignals, type SignalListener } from '../../../src/lib/shutdown-signals';

let now = 0;
const clock = { now: () => now, after: () => () => undefined, random: () => 0 };
const made: ShutdownSignals[] = [];
afterEach(() => {
  for (const signals of made.splice(0)) signals.dispose();
});

function listening(onSignal?: SignalListener): ShutdownSignals {
  const signals = new ShutdownSignals(clock);
  if (onSignal) signals.listen(onSignal);
  made.push(signals);
  return signals;
}

/** As the system does it, a second after the one before. */
function send(signal: NodeJS.Signals, afterMs = 1_000): void {
  now += afterMs;
  process.emit(signal, signal);
}

describe('signals to end', () => {
  it('are counted the same for all who listen, also for one that comes later', () => {
    const [first, second]: [string[], string[]] = [[], []];
    const signals = listening((number, signal) => first.push(`${number} ${signal}`));
    send('SIGINT');
    signals.listen((number, signal) => second.push(`${number} ${signal}`));
    send('SIGTERM');
    expect([first, second]).toEqual([
      ['1 SIGINT', '2 SIGTERM'],
      ['1 SIGINT', '2 SIGTERM'],
    ]);
  });

  it('are the first one, and abort at it', () => {
    const signals = listening();
    expect([signals.signal, signals.stop.aborted]).toEqual([undefined, false]);
    send('SIGTERM');
    send('SIGINT');
    expect([signals.signal, signals.stop.aborted]).toEqual(['SIGTERM', true]);
  });

  it('of one kind at once count once: npx passes on what its child has had', () => {
    const numbers: number[] = [];
    listening((number) => numbers.push(number));
    send('SIGINT');
    send('SIGINT', 10);
    send('SIGINT', 500);
    expect(numbers).toEqual([1, 2]);
  });

  it('of a terminal that closes count as a first one only', () => {
    const numbers: number[] = [];
    listening((number) => numbers.push(number));
    for (const signal of ['SIGHUP', 'SIGHUP', 'SIGTERM', 'SIGHUP'] as const) send(signal);
    expect(numbers).toEqual([1, 2]);
  });

  it('are not heard by one that has stopped listening', () => {
    const heard: number[] = [];
    const forget = listening().listen((number) => heard.push(number));
    send('SIGINT');
    forget();
    send('SIGTERM');
    expect(heard).toEqual([1]);
  });

  it('do what they do to any process when it is over', () => {
    const before = process.listenerCount('SIGINT');
    const signals = listening();
    signals.dispose();
    expect(process.listenerCount('SIGINT')).toBe(before);
  });
});
