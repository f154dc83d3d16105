import type { WorkspaceReport } from './model';
import { count, sizeWords } from './words';

/** What became of files that containers left to other users in the workspace. */
export function workspaceSentences({ undeletable, bytes, restored, whole, problem }: WorkspaceReport): readonly string[] {
  const files = `${whole ? '' : 'At least '}${count(undeletable, 'file')} in the workspace (${sizeWords(bytes)})`;
  return [
    ...(restored > 0
      ? [
          `${count(restored, 'file')} that containers left in the workspace belong${restored === 1 ? 's' : ''} to the runner’s user again.`,
        ]
      : []),
    ...(undeletable > 0 ? [`${files} can’t be deleted by the runner’s user: containers made them as another user.`] : []),
    ...(undeletable > 0 && problem !== null ? [`They could not be given back: ${problem}.`] : []),
    ...(undeletable > 0 && problem === null && restored === 0 ? ['“workspace-ownership: restore” gives them back.'] : []),
    ...(whole ? [] : ['Not all of the workspace could be looked at.']),
  ];
}
