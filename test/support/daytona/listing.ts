import { type Query, type SortField, writeCursor } from './query';
import type { Sandbox } from './sandbox';
import type { Entry, Store } from './store';

/** One page of a listing. */
export interface Page {
  readonly items: readonly Sandbox[];
  readonly nextCursor: string | null;
}

/** Who sees what: a key sees its own organization's. */
type Visible = (sandbox: Sandbox) => boolean;

/**
 * Listings as they are: they lag behind what the API says by id. As long as something has changed only lately, every other listing
 * tells of it as it was before.
 */
export class Listing {
  readonly #store: Store;
  #isLate = false;

  constructor(store: Store) {
    this.#store = store;
  }

  page(query: Query, visible: Visible): Page {
    // A walk through pages is one listing.
    if (query.cursor === undefined) this.#isLate = !this.#isLate;
    const isWanted = (sandbox: Sandbox) => visible(sandbox) && query.matches(sandbox);
    return query.sort === 'createdAt' && !query.includeErroredDeleted
      ? this.#byAge(query, isWanted)
      : this.#byPlace(query, isWanted);
  }

  /** All at once, from the oldest to the newest, as servers do that know no pages. */
  everything(isWanted: Visible): readonly Sandbox[] {
    this.#isLate = !this.#isLate;
    return this.#allTold().filter(isWanted);
  }

  /** Goes on after the last one of the page before: whatever is deleted meanwhile, nothing is left out. */
  #byAge({ cursor, limit, order }: Query, isWanted: Visible): Page {
    const { byAge } = this.#store;
    const step = order === 'asc' ? 1 : -1;
    const items: Sandbox[] = [];
    let last: Entry | undefined;
    const now = Date.now();
    for (let place = this.#firstPlace(cursor, step); place >= 0 && place < byAge.length; place += step) {
      const entry = byAge[place];
      const sandbox = entry && this.#told(entry, now);
      if (!sandbox || !isWanted(sandbox)) continue;
      if (last && items.length === limit) {
        return { items, nextCursor: writeCursor({ kind: 'after', since: last.since, serial: last.serial }) };
      }
      items.push(sandbox);
      last = entry;
    }
    return { items, nextCursor: null };
  }

  #firstPlace(cursor: Query['cursor'], step: 1 | -1): number {
    const { byAge } = this.#store;
    if (cursor?.kind !== 'after') return step === 1 ? 0 : byAge.length - 1;
    const place = this.#store.placeOf(cursor.since, cursor.serial);
    if (step === -1) return place - 1;
    const entry = byAge[place];
    return entry?.since === cursor.since && entry.serial === cursor.serial ? place + 1 : place;
  }

  /** Counts places: what is deleted meanwhile moves all that come after it, and the next page leaves some out. */
  #byPlace({ cursor, limit, sort, order, includeErroredDeleted }: Query, isWanted: Visible): Page {
    const told = this.#allTold();
    const all = includeErroredDeleted ? [...told, ...this.#store.erroredAndDeleted] : told;
    const sign = order === 'asc' ? 1 : -1;
    const sorted = all.filter(isWanted).sort((a, b) => sign * compare(a, b, sort));
    const start = cursor?.kind === 'place' ? cursor.place : 0;
    const end = start + limit;
    const nextCursor = end < sorted.length ? writeCursor({ kind: 'place', place: end }) : null;
    return { items: sorted.slice(start, end), nextCursor };
  }

  #allTold(): readonly Sandbox[] {
    const now = Date.now();
    return this.#store.byAge.map((entry) => this.#told(entry, now)).filter((sandbox) => sandbox !== undefined);
  }

  #told(entry: Entry, now: number): Sandbox | undefined {
    return this.#isLate && now < entry.lagsUntil ? entry.before : entry.now;
  }
}

/** By default by the last change, which a removal is too. */
function compare(a: Sandbox, b: Sandbox, sort: SortField | undefined): number {
  switch (sort) {
    case 'name':
      return a.name < b.name ? -1 : 1;
    case 'createdAt':
      return (a.createdAt ?? 0) - (b.createdAt ?? 0);
    case 'cpu':
    case 'memoryGib':
    case 'diskGib':
      return 0; // They are all of one size.
    case 'lastActivityAt':
      return (a.lastActivityAt ?? 0) - (b.lastActivityAt ?? 0);
    case undefined:
      return (a.updatedAt ?? 0) - (b.updatedAt ?? 0);
  }
}
