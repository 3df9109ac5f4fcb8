/** The tarball that npm would publish of a package of this repository. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Packs the package, which must have been built. Returns the path of the tarball in the folder `destination`. */
export async function pack(packageFolder: string, destination: string): Promise<string> {
  const parameters = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination]
  const { stdout } = await run('npm', parameters, { cwd: packageFolder })
  // An array or an object, depending on the version of npm.
  const [{ filename }] = Object.values(JSON.parse(stdout)) as [{ filename: string }]
  return join(destination, filename)
}
