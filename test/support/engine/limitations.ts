/** Before each test of a suite that runs on an engine: skips it where the engine can't do it, and says why. */
import { beforeEach, inject } from 'vitest';
import { engineAskedFor, limitationOf } from './engine-kinds';

// The fault suite has no engine of its own before its tests start theirs.
const engine = inject('engine') ?? engineAskedFor(process.env);

beforeEach(({ task, skip }) => {
  if (engine === undefined) return;
  const limitation = limitationOf(engine, task.file.filepath, fullName(task));
  if (limitation) skip(limitation.why);
});

interface Named {
  readonly name: string;
  readonly suite?: Named | undefined;
}

function fullName({ name, suite }: Named): string {
  return suite ? `${fullName(suite)} ${name}`.trim() : name;
}
