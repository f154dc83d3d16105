import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outcomes } from '../core/outcome';
import { isRecord, parsedJson } from '../lib/json-shape';
import { writeReport } from '../report/json';
import type { BenchmarkReport, DeathReport, PhaseReport, Report } from '../report/model';

/** Main's own report, for post: by then, another use of the action may have written report-path. */
const FILE = 'main.json';

/** @throws the file system's errors */
export function writeMainReport(directory: string, report: Report): Promise<void> {
  return writeReport(join(directory, FILE), report);
}

/** Main's report, as far as it can be read. */
export interface MainReport {
  readonly startedAt: string | undefined;
  readonly benchmark: BenchmarkReport | null;
  readonly deaths: readonly DeathReport[];
  readonly pre: PhaseReport | null;
  readonly run: PhaseReport | null;
  /** Broken parts, and those of another version's shape. */
  readonly unreadable: readonly string[];
}

/** Reads main's report part by part; all are empty without a report. Never throws. */
export async function readMainReport(directory: string): Promise<MainReport> {
  const text = await readFile(join(directory, FILE), 'utf8').catch(() => undefined);
  const report = text === undefined ? undefined : parsedJson(text);
  const unreadable: string[] = text === undefined || isRecord(report) ? [] : ['all of it'];
  const part = <T>(name: string, value: unknown, isOne: (value: unknown) => value is T): T | null => {
    if (value === undefined || value === null) return null;
    if (isOne(value)) return value;
    unreadable.push(name);
    return null;
  };
  const { startedAt, benchmark, deaths, phases } = isRecord(report) ? report : {};
  const { pre, run } = isRecord(phases) ? phases : {};
  return {
    startedAt: part('startedAt', startedAt, isTime) ?? undefined,
    benchmark: part('the benchmark', benchmark, isBenchmark),
    deaths: part('deaths', deaths, isDeaths) ?? [],
    pre: part('pre-cleanup', pre, isPhase),
    run: part('removals during the benchmark', run, isPhase),
    unreadable,
  };
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function isBenchmark(value: unknown): value is BenchmarkReport {
  if (!isRecord(value) || typeof value['command'] !== 'string') return false;
  const { exitCode, durationMs } = value;
  return [exitCode, durationMs].every((number) => number === null || typeof number === 'number');
}

function isDeaths(value: unknown): value is readonly DeathReport[] {
  const isDeath = (death: unknown) =>
    isRecord(death) && hasTexts(death, 'provider', 'id', 'name') && isTime(death['at']) && Array.isArray(death['logTail']);
  return Array.isArray(value) && value.every(isDeath);
}

function isPhase(value: unknown): value is PhaseReport {
  if (!isRecord(value)) return false;
  const { providers, resources, totals, durationMs, disk = [] } = value;
  return (
    typeof durationMs === 'number' &&
    Array.isArray(providers) &&
    providers.every((provider) => isRecord(provider) && hasTexts(provider, 'name', 'status', 'reason')) &&
    Array.isArray(resources) &&
    resources.every(isResource) &&
    Array.isArray(disk) &&
    disk.every(isDisk) &&
    isRecord(totals) &&
    outcomes.every((outcome) => typeof totals[outcome] === 'number')
  );
}

function isDisk(value: unknown): boolean {
  if (!isRecord(value) || !hasTexts(value, 'provider', 'goal')) return false;
  return Array.isArray(value['images']) && value['images'].every(isResource);
}

function isResource(value: unknown): boolean {
  if (!isRecord(value) || !hasTexts(value, 'provider', 'kind', 'id', 'name', 'state')) return false;
  return Array.isArray(value['steps']) && value['steps'].every(isRecord) && outcomes.some((one) => one === value['outcome']);
}

function hasTexts(value: Readonly<Record<string, unknown>>, ...fields: readonly string[]): boolean {
  return fields.every((field) => typeof value[field] === 'string');
}
