import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { UnreadableAnswer } from '../../../../src/lib/http-errors';
import { metadataOf } from '../../../../src/providers/kubernetes/objects';
import { isRecordOfRelease, manifestIn, mentionedIn, releaseNameOf } from '../../../../src/providers/kubernetes/releases';

const twice = (bytes: Buffer | string) => Buffer.from(Buffer.from(bytes).toString('base64')).toString('base64');
const record = (release: unknown) => twice(gzipSync(JSON.stringify(release)));

describe('the record of a release', () => {
  it('has its manifest', () => {
    expect(manifestIn(record({ name: 'r', manifest: 'kind: Pod' }))).toBe('kind: Pod');
  });

  it('of an old Helm is not packed', () => {
    expect(manifestIn(twice(JSON.stringify({ manifest: 'kind: Pod' })))).toBe('kind: Pod');
  });

  it('without a manifest has made nothing', () => {
    expect(manifestIn(record({ name: 'r' }))).toBe('');
  });

  it('may be as large as a secret can make it', () => {
    const manifest = 'x'.repeat(20_000_000);
    expect(manifestIn(record({ manifest }))).toHaveLength(manifest.length);
  });

  it.each([
    ['is empty', ''],
    ['is cut off', twice(gzipSync(JSON.stringify({ manifest: 'x'.repeat(1_000) })).subarray(0, 20))],
    ['is cut off, and was never packed', twice('{"name":"r","manifest":"kind: P')],
    ['is text', twice('hello')],
    ['is JSON of another kind', record(['manifest'])],
    ['is packed in another way', twice(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]))],
    ['is not base64', '💥'],
    ['unpacks to more than any record has', record({ manifest: ' '.repeat(70 * 1024 * 1024) })],
  ])('that %s is refused: what it has made is not known', (_, text) => {
    expect(() => manifestIn(text)).toThrow(UnreadableAnswer);
  });
});

describe('a manifest', () => {
  const mentioned = async (manifest: string) =>
    (await mentionedIn(manifest, 'n')).map(
      ({ apiVersion, kind, name, namespace }) => `${apiVersion} ${kind} ${namespace}/${name}`,
    );

  it('names its objects, in their order, with their namespaces', async () => {
    const manifest = `---
# Source: chart/templates/service.yaml
apiVersion: v1
kind: Service
metadata: { name: a }
---
---
# only a comment
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: b, namespace: other }
`;
    expect(await mentioned(manifest)).toEqual(['v1 Service n/a', 'apps/v1 StatefulSet other/b']);
  });

  it('may have lists', async () => {
    const manifest = `
apiVersion: v1
kind: List
items:
  - { apiVersion: v1, kind: ConfigMap, metadata: { name: a } }
  - { apiVersion: v1, kind: Secret, metadata: { name: b } }`;
    expect(await mentioned(manifest)).toEqual(['v1 ConfigMap n/a', 'v1 Secret n/b']);
  });

  it('may have a key twice, as Helm allows', async () => {
    const manifest = 'apiVersion: v1\nkind: Pod\nmetadata: { name: a, labels: { x: "1", x: "2" } }';
    expect(await mentioned(manifest)).toEqual(['v1 Pod n/a']);
  });

  it('may have what is no object, and objects without a name', async () => {
    expect(await mentioned('just text\n---\n- a\n---\nkind: Pod\n---\napiVersion: v1\nkind: Pod\nmetadata: {}')).toEqual([]);
    expect(await mentioned('')).toEqual([]);
  });

  it('that is no YAML is refused', async () => {
    await expect(mentioned('kind: [Pod')).rejects.toThrow(UnreadableAnswer);
  });
});

describe('a secret', () => {
  const secret = (name: string, labels: object) => {
    const metadata = metadataOf({ metadata: { uid: 'u', name, namespace: 'n', labels } });
    if (metadata === undefined) throw new Error('no metadata');
    return metadata;
  };

  it('is the record of a release only with Helm’s name and labels', () => {
    expect(isRecordOfRelease(secret('sh.helm.release.v1.r.v1', { owner: 'helm', name: 'r' }))).toBe(true);
    expect(isRecordOfRelease(secret('mine', { owner: 'helm', name: 'r' }))).toBe(false);
    expect(isRecordOfRelease(secret('sh.helm.release.v1.r.v1', { name: 'r' }))).toBe(false);
    expect(isRecordOfRelease(secret('sh.helm.release.v1.r.v1', { owner: 'helm' }))).toBe(false);
  });
});

describe('an object', () => {
  const annotated = (release: string, namespace: string) => ({
    ...{ uid: 'u', name: 'a', namespace: 'n', labels: {}, owners: [], finalizers: [] },
    annotations: { 'meta.helm.sh/release-name': release, 'meta.helm.sh/release-namespace': namespace },
  });

  it('belongs to a release of its own namespace only', () => {
    expect(releaseNameOf(annotated('r', 'n'))).toBe('r');
    expect(releaseNameOf(annotated('r', 'other'))).toBeUndefined();
  });
});
