import { BlockList } from 'node:net';
import type { Resource } from '../../core/resource';
import { items, object, text } from '../../lib/json-shape';
import { type Engine, isPodman } from './connection/connect';
import { ask } from './connection/http';

/** A range of addresses, cut into subnets of one size. */
export interface AddressPool {
  readonly base: string;
  /** Bits of a subnet's prefix. */
  readonly size: number;
}

/** Docker's own: https://github.com/moby/moby/blob/v28.2.2/libnetwork/ipamutils/utils.go */
const DEFAULT_POOLS: readonly AddressPool[] = [
  ...[17, 18, 19].map((second) => ({ base: `172.${second}.0.0/16`, size: 16 })),
  ...[20, 24, 28].map((second) => ({ base: `172.${second}.0.0/14`, size: 16 })),
  { base: '192.168.0.0/16', size: 20 },
];

/** The least number of subnets for which the engine is asked for its pools. */
const MANY = 10;

/**
 * How many more networks the engine has addresses for.
 * @param networks as listed
 * @returns undefined if that is not known, or there are few networks
 */
export async function networksLeft(
  { docker, version }: Engine,
  networks: readonly Resource[],
  signal: AbortSignal,
): Promise<number | undefined> {
  const subnets = networks.flatMap(({ subnets: own = [] }) => own);
  if (subnets.length < MANY || isPodman(version)) return undefined;
  const { DefaultAddressPools } = await ask(docker, '/info', signal, object);
  const configured = items(DefaultAddressPools).flatMap(({ Base, Size }) =>
    text(Base) !== undefined && typeof Size === 'number' ? [{ base: String(Base), size: Size }] : [],
  );
  return roomIn(configured.length > 0 ? configured : DEFAULT_POOLS, subnets);
}

/** The number of subnets in the pools that no network has. Counts IPv4 only. */
export function roomIn(pools: readonly AddressPool[], subnets: readonly string[]): number {
  const list = new BlockList();
  let room = 0;
  for (const { base, size } of pools) {
    const [address = '', prefix] = base.split('/');
    if (address.includes(':')) continue;
    list.addSubnet(address, Number(prefix), 'ipv4');
    room += 2 ** Math.max(0, size - Number(prefix));
  }
  const taken = subnets.filter((subnet) => !subnet.includes(':') && list.check(subnet.split('/')[0] ?? '', 'ipv4'));
  return Math.max(0, room - taken.length);
}
