import { keyOf, type Resource } from '../core/resource';
import type { Baseline } from '../core/selector';
import { canBeLeft, type LeftImage } from '../session/left-images';

/** A baseline that does not count what other sessions have left to this one. */
export interface InheritingBaseline extends Baseline {
  /** Takes over what was left on the engine of a listing. */
  inherit(listed: readonly Resource[], left: readonly LeftImage[]): void;
}

/** @param baseline has the images of sessions that were at work when this one began */
export function inheriting(baseline: Baseline): InheritingBaseline {
  const images = new Set<string>();
  const names = new Set<string>();
  return {
    startedAt: baseline.startedAt,
    had: (resource) => (images.has(keyOf(resource)) ? false : baseline.had(resource)),
    hadTag: (provider, tag) => (names.has(`${provider} ${tag}`) ? false : baseline.hadTag(provider, tag)),
    inherit(listed, left) {
      if (left.length === 0) return;
      const tagsOf = new Map(left.map(({ id, tags }) => [id, tags]));
      for (const image of listed) {
        const tags = canBeLeft(image) ? tagsOf.get(image.id) : undefined;
        if (tags === undefined) continue;
        images.add(keyOf(image));
        for (const tag of tags) names.add(`${image.provider} ${tag}`);
      }
    },
  };
}
