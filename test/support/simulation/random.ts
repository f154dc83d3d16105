/** Numbers from 0 to 1 that follow from a seed (https://en.wikipedia.org/wiki/Xorshift, 32 bits). */
export function randomFrom(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
