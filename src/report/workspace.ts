import type { WorkspaceReport } from './model';
import { count, sizeWords } from './words';

/** The commands for what is left to do by hand. */
export function workspaceCommands({ command, helpers = [] }: WorkspaceReport): readonly string[] {
  return [...(command === null ? [] : [command]), ...helpers.map((helper) => helper.command)];
}

/** What became of files that containers left to other users in the workspace. */
export function workspaceSentences(found: WorkspaceReport): readonly string[] {
  const { undeletable, bytes, restored, whole, problem, omitted, helpers = [] } = found;
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
    ...(omitted === undefined
      ? []
      : [`The command leaves out ${count(omitted, 'directory', 'directories')}, for which it has no room.`]),
    ...helpers.map((helper) => `The container ${helper.name}, which gave files back, may still be there: ${helper.problem}.`),
    ...(whole ? [] : ['Not all of the workspace could be looked at.']),
  ];
}
