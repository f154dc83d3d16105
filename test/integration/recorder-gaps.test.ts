import type Docker from 'dockerode';
import { describe, expect, inject, test } from 'vitest';
import type { ContainerSource } from '../../src/core/container-source';
import { removeContainer, startContainer, stateOf } from '../support/engine/containers';
import { TestRecording } from '../support/engine/recording';
import { until } from '../support/until';

const script = (text: string) => ['sh', '-c', text];

/**
 * Ends with a code of its own, at once: Podman 5 sends SIGTERM before it removes by force. An exit code of 0 would be made up.
 */
const ENDS_WITH_7 = ['sh', '-c', "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"];

/** What can be known of a container that was removed by force. Podman may have told the end before the removal, or not. */
const exitCodes =
  inject('product') === 'podman'
    ? { remembered: expect.toBeOneOf([7, 137, null]), forgotten: expect.toBeOneOf([7, 137, null]) }
    : { remembered: 137, forgotten: null };

/** Podman answers 500 about a container that is just going. */
const hasEnded = (container: Docker.Container) => () =>
  stateOf(container).then(
    (state) => ['exited', 'gone'].includes(state),
    () => false,
  );

/** A wire to the engine's events that can be cut, and mended; looks and listings go on. */
class Wire {
  readonly change = (real: ContainerSource): ContainerSource => ({
    ...real,
    watch: async (since, signal) => {
      if (this.#isCut) throw new Error('the wire is cut');
      this.#part = new AbortController();
      const from = this.#forgets ? await real.now(signal) : since;
      return real.watch(from, AbortSignal.any([signal, this.#part.signal]));
    },
  });
  #isCut = false;
  #forgets = false;
  #part = new AbortController();

  cut(): void {
    this.#isCut = true;
    this.#part.abort(new Error('the wire was cut'));
  }

  /** @param forgets the engine remembers nothing of what happened meanwhile */
  mend({ forgets }: { readonly forgets: boolean }): void {
    this.#forgets = forgets;
    this.#isCut = false;
  }
}

describe.each([
  ['remembers what happened', { forgets: false }],
  ['has forgotten what happened', { forgets: true }],
])('when the stream of events broke, and the engine %s,', (_, engine) => {
  test('what ended meanwhile is told, once', async () => {
    const wire = new Wire();
    const recording = await TestRecording.start({ change: wire.change });
    const before = await startContainer(script('exit 3'), recording.labelled);
    await until('it has ended', hasEnded(before));
    await until('the recorder is through', () => isThrough(recording, before));

    wire.cut();
    const meanwhile = await startContainer(script('echo line; exit 4'), recording.labelled);
    await until('it has ended', hasEnded(meanwhile));
    wire.mend(engine);
    await until('the recorder listens again', () => recording.recorder.trouble === undefined);
    const after = await startContainer(script('exit 5'), recording.labelled);
    await until('it has ended', hasEnded(after));
    const deaths = await recording.finish();
    await Promise.all([before, meanwhile, after].map(removeContainer));

    expect(deaths).toMatchObject([{ exitCode: 3 }, { exitCode: 4, log: { tail: ['line'] } }, { exitCode: 5 }]);
  });

  test('what was removed meanwhile is told, with its log', async () => {
    const wire = new Wire();
    const recording = await TestRecording.start({ change: wire.change });
    const container = await startContainer(ENDS_WITH_7, recording.labelled);
    await until('the recorder knows it', () => !isThrough(recording, container));
    // Podman is not attached to for a container that stays: that could change it.
    if (inject('product') === 'docker') await until('its log is followed', () => recording.hasHeard(container));

    wire.cut();
    await container.remove({ force: true });
    wire.mend(engine);
    const deaths = await recording.finish();

    expect(deaths).toMatchObject([
      {
        container: { id: container.id },
        exitCode: exitCodes[engine.forgets ? 'forgotten' : 'remembered'],
        // Podman may remove it before its log could be read.
        log: { status: inject('product') === 'podman' ? expect.any(String) : 'kept' },
      },
    ]);
  });
});

function isThrough({ recorder, labelled }: TestRecording, { id }: Docker.Container): boolean {
  const listed = { provider: 'docker', kind: 'container', id, name: id, state: 'exited', running: false, ...labelled } as const;
  return recorder.isRecorded(listed);
}
