/**
 * The client's package as its users have it: packed, and installed in an empty project outside of the repository.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pack } from './pack.ts'

export const run = promisify(execFile)
export const root = fileURLToPath(new URL('../..', import.meta.url))
export const packageFolder = join(root, 'web/client')

export interface Installed {
  folder: string
  tarball: string
  remove(): Promise<void>
}

/** Also installs `packages`. */
export async function installClient(packages: string[]): Promise<Installed> {
  const folder = await mkdtemp(join(tmpdir(), 'colocate-client-'))
  const tarball = await pack(packageFolder, folder)
  await writeFile(join(folder, 'package.json'), '{"type":"module","private":true}')
  await run('npm', ['install', '--no-audit', '--no-fund', tarball, ...packages], { cwd: folder })
  return { folder, tarball, remove: () => rm(folder, { recursive: true, force: true }) }
}
