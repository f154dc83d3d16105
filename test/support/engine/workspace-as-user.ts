/**
 * Looks at a workspace as another user, as post does: `process.argv[2]` is a `WorkspaceQuestion`. Prints
 * the report, or null. Imports all before it becomes that user, who may not be able to read what lies here.
 */
import { runProgram } from '../../../src/cli/host/run-program';
import type { Connection } from '../../../src/core/connection';
import { systemClock as clock } from '../../../src/lib/clock';
import { withDeadline } from '../../../src/lib/deadline';
import { BindSources, checkWorkspace } from '../../../src/phases/workspace-ownership';
import { connect } from '../../../src/providers/docker/connection/connect';
import { giveBack } from '../../../src/providers/docker/give-back';

export interface WorkspaceQuestion {
  readonly uid: number;
  /** Of the engine; undefined if there is none. */
  readonly url?: string | undefined;
  readonly path: string;
  readonly sources: readonly string[];
  readonly restore: boolean;
  readonly sessionId: string;
  /** Milliseconds for all. */
  readonly deadline?: number;
}

const question: WorkspaceQuestion = JSON.parse(process.argv[2] ?? '');
const { uid, url, path, sources, restore, sessionId } = question;

process.setgroups?.([]);
process.setgid?.(uid);
process.setuid?.(uid);

const report = await withDeadline(question.deadline ?? 120_000, { clock }, async (deadline) => {
  const connections: Connection[] = [];
  if (url !== undefined) {
    const engine = await connect([{ url, from: 'the test' }], deadline, clock);
    connections.push({
      name: 'docker',
      status: 'ready',
      provider: { name: 'docker' } as Extract<Connection, { status: 'ready' }>['provider'],
      description: '',
      found: {},
      giveBack: (request, signal) => giveBack(engine, request, signal),
    });
  }
  return checkWorkspace({ path, restore, sources: new BindSources(sources), connections, sessionId, runProgram, deadline });
});
process.stdout.write(JSON.stringify(report ?? null));
