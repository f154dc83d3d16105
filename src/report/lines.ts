import { plainLine } from './escape';
import type { PhaseReport, ProviderReport, ResourceReport } from './model';
import { verdictOf } from './verdict';
import { shortId, time } from './words';

/** `docker: ready: Docker Engine 20.10.24 at unix:///var/run/docker.sock (the default)`. */
export function providerLine({ name, status, reason }: ProviderReport): string {
  return plainLine(`${name}: ${status}: ${reason}`);
}

/** One resource, in one line of a log: outcome, kind, name, id, state before, time, and how it went. */
export function resourceLine(resource: ResourceReport): string {
  const { outcome, kind, name, id, state, durationMs, error, reason } = resource;
  const parts = [
    outcome.padEnd(8),
    `${kind} ${name}`,
    `(${shortId(id)}, ${state})`,
    time(durationMs),
    stepsOf(resource),
    error ?? reason ?? '',
  ];
  return plainLine(parts.filter((part) => part !== '').join('  '));
}

/** `stop timeout → kill done → remove done`. */
export function stepsOf({ steps }: ResourceReport): string {
  return steps
    .map(
      ({ action, result, attempts }) =>
        `${action}${result === 'done' ? '' : ` ${result}`}${attempts > 1 ? ` (${attempts} attempts)` : ''}`,
    )
    .join(' → ');
}

/** What removes by hand what is left, one command a line. */
export function commandsOf({ providers, resources }: Pick<PhaseReport, 'providers' | 'resources'>): readonly string[] {
  return [...providers, ...resources].flatMap(({ command }) => command ?? []);
}

/** The closing lines of a phase: what it came to, and for each leftover what to type. */
export function closingLines(phase: PhaseReport): readonly string[] {
  return [plainLine(verdictOf(phase).headline), ...commandLines(phase)];
}

/** What to type for each leftover, with a title; nothing where nothing is left. */
export function commandLines(left: Pick<PhaseReport, 'providers' | 'resources'>): readonly string[] {
  const commands = commandsOf(left).map((command) => plainLine(`  ${command}`));
  return commands.length > 0 ? ['What removes the rest by hand:', ...commands] : [];
}
