import { plainLine } from './escape';
import { freedLine } from './freed';
import type { DiskReport, PhaseReport, ProviderReport, ResourceReport } from './model';
import { untouchedNotes } from './untouched';
import { verdictOf } from './verdict';
import { count, countKinds, endOfSession, shortId, sizeWords, time } from './words';
import { workspaceCommands, workspaceSentences } from './workspace';

/** `docker: ready: Docker Engine 20.10.24 at unix:///var/run/docker.sock (the default)`. */
export function providerLine({ name, status, reason }: ProviderReport): string {
  return plainLine(`${name}: ${status}: ${reason}`);
}

/** One resource in a line of a log. */
export function resourceLine(resource: ResourceReport): string {
  const { outcome, kind, name, id, state, durationMs, error, reason, evidence } = resource;
  const parts = [
    outcome.padEnd(8),
    `${kind} ${name}`,
    `(${shortId(id)}, ${state})`,
    time(durationMs),
    stepsOf(resource),
    evidence ? endOfSession(evidence) : '',
    error ?? reason ?? '',
  ];
  return plainLine(parts.filter((part) => part !== '').join('  '));
}

/** `docker: image-budget: 12 images removed, 8.2GB freed: images take 49.1GB of 53.7GB`. */
export function diskLine(disk: DiskReport): string {
  const { provider, goal, before, after, reason, records = 0 } = disk;
  const removed = disk.images.filter(({ outcome }) => outcome === 'removed');
  const planned = disk.images.filter(({ outcome }) => outcome === 'planned');
  const what = [
    ...(removed.length > 0 ? [`${countKinds(removed)} removed`] : []),
    ...(records > 0 ? [`${count(records, 'record')} of build cache removed`] : []),
    ...(planned.length > 0 ? [`${countKinds(planned)} would be removed`] : []),
  ];
  const freed = before === null || after === null ? 0 : Math.abs(after - before);
  const done = what.length === 0 ? 'nothing removed' : `${what.join(', ')}${freed > 0 ? `, ${sizeWords(freed)} freed` : ''}`;
  return plainLine(`${provider}: ${goal}: ${done}: ${diskState(disk)}${reason === null ? '' : `: ${reason}`}`);
}

/** `images take 49.1GB of 53.7GB`. */
function diskState({ goal, wanted, after, reached }: DiskReport): string {
  if (reached === null) return 'it can’t be known whether it is kept';
  const [now, limit] = [sizeWords(after ?? undefined), sizeWords(wanted ?? undefined)];
  if (goal === 'min-free-disk') return `${reached ? '' : 'only '}${now} free, ${limit} wanted`;
  return `${goal === 'image-budget' ? 'images take' : 'build cache takes'} ${now} of ${limit}${reached ? '' : ', too much'}`;
}

/** `stop timeout → kill → remove error (4 attempts)`. */
export function stepsOf({ steps }: ResourceReport): string {
  return steps
    .map(
      ({ action, result, attempts }) =>
        `${action}${result === 'done' ? '' : ` ${result}`}${attempts > 1 ? ` (${attempts} attempts)` : ''}`,
    )
    .join(' → ');
}

/** The commands that remove what is left, in working order: holders first. */
export function commandsOf({ providers, resources }: Pick<PhaseReport, 'providers' | 'resources'>): readonly string[] {
  const holders = resources.flatMap(({ heldBy = [] }) => heldBy);
  return [...new Set([...providers, ...holders, ...resources].flatMap(({ command }) => command ?? []))];
}

/** The closing lines of a phase: headline, what it left alone, and commands. */
export function closingLines(phase: PhaseReport): readonly string[] {
  const failed = phase.resources.filter(({ outcome }) => outcome === 'failed');
  const freed = freedLine(phase.resources);
  return [
    plainLine(verdictOf(phase).headline),
    ...(freed === '' ? [] : [freed]),
    ...preflightLines(phase),
    ...untouchedLines(phase),
    ...workspaceLines(phase),
    ...commandLines({ providers: phase.providers, resources: failed }),
  ];
}

/** A sentence, and a line of names, for each reason to leave resources alone. */
export function untouchedLines(phase: PhaseReport): readonly string[] {
  return untouchedNotes(phase).flatMap(({ statement, advice, names, unnamed }) => [
    plainLine(`${statement} ${advice}`),
    ...(names.length > 0
      ? [
          plainLine(
            `  ${names.map(({ kind, name }) => `${kind} ${name}`).join(', ')}${unnamed > 0 ? ` and ${unnamed} more` : ''}`,
          ),
        ]
      : []),
  ]);
}

/** What may trouble the benchmark. */
export function preflightLines({ preflight = [] }: PhaseReport): readonly string[] {
  return preflight.map((sentence) => plainLine(sentence));
}

/** The files that containers left to other users in the workspace, and the commands for them. */
export function workspaceLines({ workspace }: PhaseReport): readonly string[] {
  if (workspace === undefined) return [];
  const commands = workspaceCommands(workspace).map((command) => `  ${command}`);
  return [workspaceSentences(workspace).join(' '), ...commands].map((line) => plainLine(line));
}

/** The commands for what is left, under a title; empty without any. */
export function commandLines(left: Pick<PhaseReport, 'providers' | 'resources'>): readonly string[] {
  const commands = commandsOf(left).map((command) => plainLine(`  ${command}`));
  return commands.length > 0 ? ['Commands to remove the remaining resources:', ...commands] : [];
}
