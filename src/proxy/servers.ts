import { rmSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { basename, dirname } from 'node:path';
import { daytonaRules } from './daytona-rules';
import { type Address, type Dial, dialer } from './dial';
import { dockerRules, type LocalVariables, type Ownership } from './docker-rules';
import type { RequestHead } from './http-head';
import { listenAt, listenLocally, OWN_DIRECTORY, passAll, serveAll } from './listen';
import { bindNotes, imageNotes, noteVolumes } from './notes';
import { holdStart, startsSocket } from './starts';

/** The engine behind a proxy. */
export interface EngineSide {
  readonly address: Address;
  /** The path at which the proxy listens. */
  readonly socket: string;
  /** Variables that will lead to it, such as `DOCKER_HOST`, with their present values or ''. */
  readonly variables: Readonly<Record<string, string>>;
  /** The file for the names of the session's anonymous volumes. */
  readonly volumes?: string;
  /** The file for the names of the images that containers are made from. */
  readonly images?: string;
  /** The file for the directories that the session's containers could write to. */
  readonly binds?: string;
}

/** The sandbox cloud behind a proxy. */
export interface SandboxSide {
  /** Of its API: `https://app.daytona.io/api`. */
  readonly url: string;
  /** As an engine's. */
  readonly variables: Readonly<Record<string, string>>;
}

/** A proxy's settings. They fit into JSON, and nothing in them is secret. */
export interface ProxySettings {
  readonly ownership: Ownership;
  readonly engine?: EngineSide;
  readonly sandboxes?: SandboxSide;
}

/** The sides of a proxy: each has a server that listens. */
export const SIDES = ['engine', 'sandboxes'] as const;
type Side = (typeof SIDES)[number];
export type Servers = Readonly<Partial<Record<Side, Server>>>;

/** @throws when it can't listen */
export async function listenAll({ engine, sandboxes }: ProxySettings): Promise<Servers> {
  return {
    ...(engine ? { engine: await listenAt(engine.socket) } : {}),
    ...(sandboxes ? { sandboxes: await listenLocally() } : {}),
  };
}

/** Ways to connect to what is no socket, by URL scheme. */
export type Dials = Readonly<Record<string, (url: string) => Dial>>;

/**
 * Serves new connections.
 * @returns a function that ends all of them
 */
export function serveEach(settings: ProxySettings, servers: Servers, dials: Dials, odd: (error: unknown) => void): () => void {
  const ends: (() => void)[] = [];
  const { ownership, engine, sandboxes } = settings;
  if (engine && servers.engine) {
    const socket = startsSocket(engine.socket);
    const noteImage = engine.images === undefined ? undefined : imageNotes(engine.images);
    const noteBinds = engine.binds === undefined ? undefined : bindNotes(engine.binds, ownership);
    const labelling = dockerRules(ownership, localVariables(settings, servers), noteImage, noteBinds);
    const { volumes: file } = engine;
    const dial = dialer(engine.address, dials);
    const hold = async (request: RequestHead) => {
      await holdStart(request, socket);
      if (file !== undefined) await noteVolumes(request, { dial, ownership, file });
    };
    ends.push(serveAll(servers.engine, dial, { ...labelling, hold }, odd));
  }
  if (sandboxes && servers.sandboxes) {
    const { host, pathname } = new URL(sandboxes.url);
    const rules = daytonaRules(ownership, host, pathname.replace(/\/$/, ''));
    ends.push(serveAll(servers.sandboxes, dialer({ url: withPort(sandboxes.url) }), rules, odd));
  }
  return () => {
    for (const end of ends) end();
  };
}

/** Passes on new connections unchanged. Present ones stay as they are. */
export function passEach({ engine, sandboxes }: ProxySettings, servers: Servers, dials: Dials): void {
  if (engine && servers.engine) passAll(servers.engine, dialer(engine.address, dials));
  if (sandboxes && servers.sandboxes) {
    const rules = { host: new URL(sandboxes.url).host, rewriteOf: () => undefined };
    servers.sandboxes.removeAllListeners('connection');
    serveAll(servers.sandboxes, dialer({ url: withPort(sandboxes.url) }), rules, () => undefined);
  }
}

/** A URL's port is not an engine's: without one, it is the scheme's own. */
function withPort(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${protocol}//${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

/** What the variables are to be, so that they lead to the proxy. */
export function variablesOf(settings: ProxySettings, servers: Servers): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(localVariables(settings, servers)).map(([name, { value }]) => [name, value]));
}

function localVariables({ engine, sandboxes }: ProxySettings, servers: Servers): LocalVariables {
  const local = (variables: Readonly<Record<string, string>> = {}, value: string) =>
    Object.entries(variables).map(([name, before]) => [name, { value, before }]);
  return Object.fromEntries([
    ...local(engine?.variables, `unix://${engine?.socket}`),
    ...local(sandboxes?.variables, servers.sandboxes && sandboxes ? localUrl(servers.sandboxes, sandboxes.url) : ''),
  ]);
}

/** The path is the same on both sides. */
function localUrl(server: Server, url: string): string {
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}${new URL(url).pathname.replace(/\/$/, '')}`;
}

/** Takes away the socket, and the directory that was made for it alone. */
export function removeSocket({ engine }: ProxySettings): void {
  if (!engine) return;
  const directory = dirname(engine.socket);
  for (const path of [engine.socket, startsSocket(engine.socket)]) rmSync(path, { force: true });
  if (basename(directory).startsWith(OWN_DIRECTORY)) rmSync(directory, { recursive: true, force: true });
}

/** Nothing listens any more, and no connection is left. */
export function closeEach(settings: ProxySettings, servers: Servers, endConnections: () => void): void {
  for (const server of Object.values(servers)) server.close();
  endConnections();
  removeSocket(settings);
}
