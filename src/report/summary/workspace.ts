import { fenced, htmlProse } from '../escape';
import type { Report } from '../model';
import { workspaceCommands, workspaceSentences } from '../workspace';
import type { Section } from './fit';

/** The files that containers left to other users in the workspace. */
export function workspaceSection({ phases: { post } }: Report): Section {
  return {
    title: 'the files of other users in the workspace',
    priority: 3,
    render() {
      const found = post?.workspace;
      if (found === undefined) return '';
      const sentences = workspaceSentences(found).map((sentence) => htmlProse(sentence));
      const commands = workspaceCommands(found);
      const icon = commands.length > 0 || !found.whole ? '⚠️' : '✅';
      return [`<p>${icon} ${sentences.join(' ')}</p>`, ...(commands.length === 0 ? [] : [fenced('sh', commands)])].join('\n\n');
    },
  };
}
