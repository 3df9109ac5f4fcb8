/** The command line: commands, flags, help and mistakes. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { parseCommandLine, UsageError } from '../../server/cli/command-line.ts'
import { nearest } from '../../server/cli/nearest.ts'
import { ConfigError, readConfig } from '../../server/config/config.ts'
import { variableName } from '../../server/config/environment.ts'
import { optionsOf } from '../../server/config/flags.ts'
import { optionsSchema } from '../../server/config/options.ts'
import { colocate } from '../support/command.ts'
import { Room } from '../support/rooms.ts'
import { startServer } from '../support/server.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
const variables = Object.keys(optionsSchema({}).shape).map(variableName)

/** The text that the arguments print. */
function helpOf(args: string[]): string {
  const invocation = parseCommandLine(args)
  return invocation.kind === 'help' ? invocation.text : `It does not print help: ${invocation.kind}`
}

describe('colocate --help', () => {
  test('lists every command, and every option with its variable, range and default', async () => {
    const { code, out } = await colocate(['--help'])
    expect(code).toBe(0)
    for (const args of [['--help'], ['-h'], ['help'], ['--port', '1', '--help']]) expect(`${helpOf(args)}\n`).toBe(out)
    for (const command of ['serve', 'doctor', 'token', 'top']) expect(out).toMatch(new RegExp(`^  ${command} `, 'm'))
    expect(variables.filter(name => !out.includes(`${name}: `))).toEqual([])
    expect(out).toMatch(/--lease-ms <value> .*\n +LEASE_MS: a whole number from 100 to 86400000 \(default 30000\)\n/)
    expect(out).toMatch(/--redis <value> .*\n +REDIS_URL: a URL that begins with redis:/)
    expect(out).toMatch(/LOG_LEVEL: one of trace, .* \(default info\)/)
  })

  test.each([
    ['serve', '--room', ['--port', '--help', '--version']],
    ['doctor', '--port', ['--room', '--token', '--json', '--help']],
    ['token', '--port', ['--sub', '--expires', '--help']],
    ['top', '--port', ['--once', '--token', '--help']],
  ])('of %s lists its options, and not %s', (command, other, own) => {
    for (const args of [
      [command, '--help'],
      ['help', command],
    ]) {
      const text = helpOf(args)
      expect(text).toContain(`Usage: colocate ${command} `)
      for (const flag of own) expect(text).toContain(`  ${flag}`)
      expect(text).not.toContain(`  ${other} `)
    }
  })

  test('--version prints the version', async () => {
    expect(await colocate(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' })
    for (const args of [['-v'], ['doctor', '--version']]) expect(parseCommandLine(args)).toEqual({ kind: 'version' })
  })
})

describe('a mistake on the command line', () => {
  test.each([
    [['sevre'], 'unknown command "sevre". Did you mean "serve"?'],
    [['docter', 'http://localhost'], 'unknown command "docter". Did you mean "doctor"?'],
    [['help', 'tokn'], 'unknown command "tokn". Did you mean "token"?'],
    [['--prot', '1'], 'unknown flag "--prot". Did you mean "--port"?'],
    [['serve', '--lease', '1'], 'unknown flag "--lease". Did you mean "--lease-ms"?'],
    [['serve', '--leaseMs=1'], 'unknown flag "--leaseMs". Did you mean "--lease-ms"?'],
    [['serve', '-p', '1'], 'unknown flag "-p".'],
    [['doctor', '--jsn', 'http://localhost'], 'unknown flag "--jsn". Did you mean "--json"?'],
    [['token', '--admin'], 'unknown flag "--admin".'],
    [['top', '--onec', 'http://localhost'], 'unknown flag "--onec". Did you mean "--once"?'],
    [['serve', '--port'], '--port needs a value'],
    [['serve', '--port', '--host', 'localhost'], '--port needs a value'],
    [['doctor', '--json=yes', 'http://localhost'], '--json does not take a value'],
    [['serve', '3000'], 'colocate serve does not take the argument "3000"'],
  ])('%j is named', (args, message) => {
    const parsing = () => parseCommandLine(args)
    expect(parsing).toThrow(UsageError)
    expect(parsing).toThrow(message)
  })

  test('is printed in one line, and the command exits 2', async () => {
    expect(await colocate(['serve', '--prot', '1'])).toEqual({
      code: 2,
      out: '',
      err: 'colocate: unknown flag "--prot". Did you mean "--port"?\n',
    })
    expect(await colocate(['sevre'])).toMatchObject({ code: 2, err: expect.stringContaining('"serve"') })
  })

  test.each([
    [['--lease-ms', '50'], {}, /^--lease-ms must be .*100.*86400000, not "50"$/],
    [['--lease-ms', '50'], { LEASE_MS: '5000' }, /^--lease-ms must be/],
    [['--port', '1000'], { LEASE_MS: '50' }, /^LEASE_MS must be/],
    [['serve', '--log-level=loud'], {}, /^--log-level must be one of trace.*, not "loud"$/],
    [['--redis', 'http://:hunter2@localhost'], {}, /^--redis must be a URL that begins with redis:((?!hunter2).)*$/],
  ])('the value in %j with the variables %j is named', (args, env, message) => {
    const invocation = parseCommandLine(args)
    const flags = invocation.kind === 'run' ? optionsOf(invocation.flags) : {}
    const reading = () => readConfig(env, flags)
    expect(reading).toThrow(ConfigError)
    expect(reading).toThrow(message)
  })

  test('that is a value is printed, and the command exits 1', async () => {
    expect(await colocate(['--lease-ms', '50'], { LEASE_MS: '5000' })).toEqual({
      code: 1,
      out: '',
      err: '--lease-ms must be a whole number from 100 to 86400000, not "50"\n',
    })
  })

  test('a command that needs an address says how it is used, and exits 1', async () => {
    for (const args of [['doctor', 'localhost:3000'], ['top']]) {
      const { code, err } = await colocate(args)
      expect(code).toBe(1)
      expect(err).toContain(`Usage: colocate ${args[0]} <url>`)
    }
  })
})

describe('a flag', () => {
  test('wins over its variable, and empty text unsets the variable', async () => {
    const env = { PORT: '1', LEASE_MS: 'x', REDIS_URL: 'redis://127.0.0.1:1' }
    const server = await startServer(env, ['serve', '--port=0', '--lease-ms', '400', '--redis', ''])
    const room = new Room(server)
    await room.put('alice', 1, 1)
    const stream = await room.follow()
    await stream.next('snapshot')
    expect(await stream.next('leave')).toMatchObject({ user: 'alice', reason: 'expired' })
    stream.close()
    await server.stop()
  })

  test('may also have the name of its variable', () => {
    expect(parseCommandLine(['--redis-url', 'redis://a'])).toMatchObject({ flags: { redis: 'redis://a' } })
  })
})

test('the nearest word has the fewest edits, and swapped neighbours are one edit', () => {
  expect(nearest('prot', ['host', 'port', 'prt-x'])).toBe('port')
  expect(nearest('', ['abc', 'ab'])).toBe('ab')
  expect(nearest('x', [])).toBeUndefined()
})
