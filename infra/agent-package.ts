import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { AssetHashType, BundlingOutput, DockerImage } from 'aws-cdk-lib';
import type { AssetOptions } from 'aws-cdk-lib';
import * as z from 'zod';
import { ConfigurationError } from './errors.ts';

export type Architecture = 'x64' | 'arm64';

const checkout = join(import.meta.dirname, '..');
/** What a host needs beside the agent itself; also the asset's source. */
export const installFolder = join(checkout, 'agent', 'install');
const files = ['install.sh', 'imds-check.py', 'hivemind-agent.service'];

/**
 * How the CDK makes the agent's package: one gzipped tar with the bundled agent, its installer and a Node.js for each
 * architecture. Made here rather than in a container; only when the stack that holds it is synthesised for good.
 */
export function agentPackage(architectures: readonly Architecture[] = ownArchitecture()): AssetOptions {
  return {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never pulled: what the CDK would fall back to is replaced by a failure.
      image: DockerImage.fromRegistry('unused'),
      outputType: BundlingOutput.SINGLE_FILE,
      local: {
        tryBundle: (outputDir) => {
          writePackage(join(outputDir, 'hivemind-agent.tar.gz'), architectures);
          return true;
        },
      },
    },
  };
}

/** The deployer's own, whose Node.js is installed already; on a Mac there is none that a host could run. */
function ownArchitecture(): Architecture[] {
  return process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64')
    ? [process.arch]
    : [];
}

function writePackage(target: string, architectures: readonly Architecture[]): void {
  const staging = mkdtempSync(join(tmpdir(), 'hivemind-agent-'));
  try {
    execFileSync(process.execPath, [join(checkout, 'agent', 'build.ts'), join(staging, 'agent.mjs')], {
      stdio: 'inherit',
    });
    for (const file of files) copyFileSync(join(installFolder, file), join(staging, file));
    for (const architecture of architectures)
      copyFileSync(nodeFor(architecture, staging), join(staging, `node-linux-${architecture}`));
    writeFileSync(target, tarOf(staging));
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** The same bytes for the same files, so that the asset's hash changes with its content alone. */
function tarOf(folder: string): Buffer {
  const names = readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .toSorted();
  for (const name of names) {
    chmodSync(join(folder, name), name.endsWith('.mjs') || name.endsWith('.service') ? 0o644 : 0o755);
    utimesSync(join(folder, name), 0, 0);
  }
  const tar = execFileSync('tar', ['-cf', '-', '--format=ustar', '--numeric-owner', '-C', folder, ...names], {
    maxBuffer: 1024 ** 3,
  });
  return gzipSync(tar, { level: 1 });
}

const Manifest = z.object({ version: z.string() });

/** The Node.js that this checkout pins: as installed for the deployer, else from the registry that npm is set to. */
function nodeFor(architecture: Architecture, staging: string): string {
  const pinned = join(checkout, 'node_modules', 'node');
  const installed = join(pinned, 'bin', 'node');
  if (ownArchitecture().includes(architecture) && existsSync(installed)) return installed;
  const { version } = Manifest.parse(JSON.parse(readFileSync(join(pinned, 'package.json'), 'utf8')));
  const name = `node-linux-${architecture}@${version}`;
  const fetched = mkdtempSync(join(staging, '.npm-'));
  try {
    execFileSync('npm', ['pack', name, '--silent', '--pack-destination', fetched], { stdio: 'ignore' });
    const [archive] = readdirSync(fetched);
    execFileSync('tar', ['-xzf', join(fetched, archive ?? ''), '-C', fetched, 'package/bin/node']);
  } catch (cause) {
    throw new ConfigurationError(
      `npm could not fetch ${name} for the agent's package. Check npm's registry, or leave ${architecture} out of hivemind:hostArchitectures.`,
      { cause },
    );
  }
  return join(fetched, 'package', 'bin', 'node');
}
