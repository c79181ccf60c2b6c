import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { becomeRoot } from '#local/become-root.ts';
import { ensurePrerequisites, type PrerequisiteSystem } from '#local/cloud/prerequisites.ts';
import { silent } from '#local/cloud/progress.ts';

// Its value here must not decide what the tests see.
beforeEach(() => void vi.stubEnv('CI', ''));
afterEach(() => void vi.unstubAllEnvs());

const tool = (name: string, present: () => boolean = () => false) => ({
  name,
  packages: [`${name}-package`],
  present,
});

/** A machine with apt, and a person who says what they say; what is installed is there from then on. */
class Machine implements PrerequisiteSystem {
  readonly asked: string[] = [];
  readonly installed: string[] = [];
  readonly #answer: boolean;
  readonly #manager: string;

  constructor({ answer = false, manager = 'apt-get' }: { answer?: boolean; manager?: string } = {}) {
    this.#answer = answer;
    this.#manager = manager;
  }

  has(name: string): boolean {
    return name === this.#manager;
  }

  confirmed(question: string): Promise<boolean> {
    this.asked.push(question);
    return Promise.resolve(this.#answer);
  }

  install(packages: readonly string[], splitOff: readonly string[]): Promise<void> {
    this.installed.push(...packages, ...splitOff);
    return Promise.resolve();
  }

  tool(name: string) {
    return tool(name, () => this.installed.includes(`${name}-package`));
  }

  ensure(tools: Parameters<typeof ensurePrerequisites>[0]['tools'], yes = false): Promise<void> {
    return ensurePrerequisites({ tools, yes, progress: silent, system: this });
  }
}

describe('prerequisites', () => {
  const present = tool('here', () => true);

  it('are content when everything is there: nobody is asked', async () => {
    const machine = new Machine();
    await machine.ensure([present]);
    expect([machine.asked, machine.installed]).toEqual([[], []]);
  });

  it('are installed after one question, which names them and the command', async () => {
    const machine = new Machine({ answer: true });
    await machine.ensure([present, machine.tool('saw'), { ...machine.tool('axe'), splitOff: ['axe-helve'] }]);
    expect(machine.asked).toEqual([
      'Missing: saw, axe. Run "apt-get install -y --no-install-recommends saw-package axe-package" now? [Y/n] ',
    ]);
    expect(machine.installed).toEqual(['saw-package', 'axe-package', 'axe-helve']);
  });

  it('are not installed when the answer is no, and the command is named', async () => {
    const machine = new Machine({ answer: false });
    await expect(machine.ensure([machine.tool('saw')])).rejects.toThrow(
      'Missing: saw. Install them with: sudo apt-get install -y --no-install-recommends saw-package',
    );
    expect(machine.installed).toEqual([]);
  });

  it('are installed without a question with -y', async () => {
    const machine = new Machine();
    await machine.ensure([machine.tool('saw')], true);
    expect([machine.asked, machine.installed]).toEqual([[], ['saw-package']]);
  });

  it('are installed without a question with CI=true, and with no other value of it', async () => {
    vi.stubEnv('CI', 'true');
    const machine = new Machine();
    await machine.ensure([machine.tool('saw')]);
    expect([machine.asked, machine.installed]).toEqual([[], ['saw-package']]);
    vi.stubEnv('CI', 'false');
    await expect(machine.ensure([machine.tool('axe')])).rejects.toThrow(/Missing: axe/);
  });

  it('name the tool and its package where nobody can be asked: a test has no terminal', async () => {
    await expect(ensurePrerequisites({ tools: [tool('saw')], progress: silent })).rejects.toThrow(
      /Missing: saw\..*saw-package/,
    );
  });

  it('say what is still missing after an installation', async () => {
    const machine = new Machine();
    await expect(machine.ensure([machine.tool('saw'), tool('axe')], true)).rejects.toThrow(
      'Still missing after the installation: axe.',
    );
  });

  const packages = ['python3', 'python3-venv', 'mount', 'iproute2', 'docker.io', 'busybox-static', 'jq'];
  const tools = packages.map((name) => ({ ...tool(name), packages: [name] }));
  it.each([
    ['dnf', 'dnf install -y python3 util-linux iproute moby-engine busybox jq'],
    ['zypper', 'zypper install -y python3 util-linux iproute2 docker busybox-static jq'],
    ['pacman', 'pacman -S --needed python util-linux iproute2 docker busybox jq'],
    ['apk', 'apk add python3 util-linux iproute2 docker busybox-static jq'],
  ])('name the command of %s where there is no apt', async (manager, command) => {
    await expect(new Machine({ manager }).ensure(tools, true)).rejects.toThrow(
      `Install them with: sudo ${command}`,
    );
  });

  it('name the packages alone where there is no package manager that we know', async () => {
    await expect(new Machine({ manager: 'none' }).ensure([tool('saw')], true)).rejects.toThrow(
      'Install what your distribution calls: saw-package',
    );
  });
});

describe('a command that mounts', () => {
  /** `npm run up -- -y` of somebody, under a sudo that ends as told. */
  function calledBy(uid: number, sudo: { status: number | null; error?: Error } = { status: 0 }) {
    const ran: string[][] = [];
    const exits: number[] = [];
    becomeRoot({
      uid,
      path: '/checkout/node_modules/.bin:/usr/bin',
      execPath: '/checkout/node_modules/.bin/node',
      argv: ['/checkout/node_modules/.bin/node', '/checkout/local/main.ts', 'up', '-y'],
      run: (file, args) => {
        ran.push([file, ...args]);
        return sudo;
      },
      exit: (code) => void exits.push(code),
    });
    return { ran, exits };
  }

  it('goes on where root has called it', () => {
    expect(calledBy(0)).toEqual({ ran: [], exits: [] });
  });

  it('goes through sudo for anybody else: the same node and PATH, and what of the environment counts', () => {
    const { ran } = calledBy(1000);
    expect(ran).toEqual([
      [
        'sudo',
        '--preserve-env=CI,HIVEMIND_HOME,HIVEMIND_E2E_HOME',
        'env',
        'PATH=/checkout/node_modules/.bin:/usr/bin',
        '/checkout/node_modules/.bin/node',
        '/checkout/local/main.ts',
        'up',
        '-y',
      ],
    ]);
  });

  it('ends as the one under sudo does', () => {
    expect(calledBy(1000, { status: 2 }).exits).toEqual([2]);
    expect(calledBy(1000, { status: null }).exits).toEqual([1]);
  });

  it('says what it needs where there is no sudo', () => {
    expect(() => calledBy(1000, { status: null, error: new RangeError('ENOENT') })).toThrow(
      'run it as root, or install sudo',
    );
  });
});
