import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { API_KINDS, type ApiKind, NAMESPACES, PODS } from '../../../../src/providers/kubernetes/api-kinds';
import { Kubectl } from '../../../../src/providers/kubernetes/kubectl';

const DEPLOYMENTS = API_KINDS.find(({ kind }) => kind === 'deployment') ?? PODS;
const SANDBOXES: ApiKind = {
  kind: 'custom-resource',
  name: 'Sandbox',
  root: '/apis/agents.x-k8s.io/v1alpha1',
  plural: 'sandboxes',
  fullName: 'sandboxes.agents.x-k8s.io',
};

const usual = new Kubectl({ context: 'bench' }, { files: '/home/me/.kube/config', from: '~/.kube/config' }, ['a', 'b']);

/** The words that a shell makes of a command. */
function wordsOf(command: string): readonly string[] {
  const [program = '', ...rest] = command.split(' ');
  return execFileSync('sh', ['-c', `printf '%s\\n' ${program} ${rest.join(' ')}`], { encoding: 'utf8' })
    .split('\n')
    .slice(0, -1);
}

describe('a command to copy', () => {
  it('removes one object where it is, and nothing else', () => {
    expect(usual.removal(PODS, 'p', 'a')).toBe('kubectl --context bench --namespace a delete pods p');
    expect(usual.removal(NAMESPACES, 'n', '')).toBe('kubectl --context bench delete namespaces n');
  });

  it('waits for the pods of what makes pods', () => {
    expect(usual.removal(DEPLOYMENTS, 'd', 'a')).toBe(
      'kubectl --context bench --namespace a delete deployments d --cascade foreground',
    );
    expect(usual.removal(SANDBOXES, 's', 'a')).toBe(
      'kubectl --context bench --namespace a delete sandboxes.agents.x-k8s.io s --cascade foreground',
    );
  });

  it('uninstalls a release', () => {
    expect(usual.uninstall('r', 'a')).toBe('helm uninstall r --kube-context bench --namespace a');
  });

  it('names the kubeconfig of the setting, which no shell has, and no context for a pod’s service account', () => {
    const named = new Kubectl({ context: 'c' }, { files: '/tmp/my config', from: 'kubeconfig' }, ['a']);
    expect(named.removal(PODS, 'p', 'a')).toBe("kubectl --kubeconfig '/tmp/my config' --context c --namespace a delete pods p");
    const inPod = new Kubectl({ context: 'inClusterContext' }, { files: '', from: 'the pod’s service account' }, ['a']);
    expect(inPod.removal(PODS, 'p', 'a')).toBe('kubectl --namespace a delete pods p');
  });

  it('removes all with a label in each namespace, but nothing that is to be kept, and nothing of the whole cluster', () => {
    const command = usual.removalOfAll('io.github.cleanup-action.session=x');
    const [first = '', second = ''] = command.split(' && ');
    const words = wordsOf(first);
    expect(words.slice(0, 6)).toEqual(['kubectl', '--context', 'bench', '--namespace', 'a', 'delete']);
    const kinds = words[6]?.split(',') ?? [];
    expect(kinds).toContain('pods');
    expect(kinds).not.toContain('namespaces');
    expect(kinds.indexOf('deployments')).toBeLessThan(kinds.indexOf('pods'));
    expect(words[words.indexOf('--selector') + 1]).toBe('io.github.cleanup-action.session=x,io.github.cleanup-action.keep!=true');
    expect(second).toBe(first.replace('--namespace a', '--namespace b'));
  });

  it('never has an empty selector, which would mean everything', () => {
    expect(wordsOf(usual.removalOfAll('k=v').split(' && ')[0] ?? '')).toContain('k=v,io.github.cleanup-action.keep!=true');
  });

  it.each(["it's", 'a; rm -rf /', '$(reboot)', '`reboot`', 'a b', 'a"b', '*'])('quotes %s for a shell', (context) => {
    const kubectl = new Kubectl({ context }, { files: 'x', from: 'KUBECONFIG' }, ['a']);
    expect(wordsOf(kubectl.removal(PODS, 'p', 'a'))).toEqual([
      ...['kubectl', '--context', context, '--namespace', 'a', 'delete', 'pods', 'p'],
    ]);
    expect(wordsOf(kubectl.uninstall('r', 'a'))).toContain(context);
  });
});
