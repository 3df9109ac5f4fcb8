/** `colocate token` prints a token that the server accepts. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { Room, useServer } from '../support/rooms.ts'
import { nowSeconds, secret } from '../support/tokens.ts'

const program = new URL('../../dist/server/main.js', import.meta.url).pathname
const env = { AUTH_SECRET: secret, AUTH_ISSUER: 'https://issuer.example', AUTH_AUDIENCE: 'colocate' }

/** Runs `colocate token`. Returns its output, or its exit code and error output. */
async function token(args: string[], environment: Record<string, string> = env): Promise<string> {
  const run = promisify(execFile)(process.execPath, [program, 'token', ...args], { env: environment })
  return run.then(
    ({ stdout }) => stdout,
    error => `${error.code}: ${error.stderr}`,
  )
}

describe('colocate token', () => {
  const server = useServer('memory', env)

  test('prints a token that the server accepts', async () => {
    const printed = await token(['--sub', 'alice', '--name', 'Alice', '--color', '#112233'])
    const headers = { authorization: `Bearer ${printed.trim()}` }
    const room = new Room(server)
    expect((await room.post({ x: 1, y: 1 }, headers)).body.user).toBe('alice')
    expect((await room.send('GET', '', { headers })).body.locations).toMatchObject([
      { name: 'Alice', color: '#112233' },
    ])
  })

  test('puts its arguments into the claims', async () => {
    const args = ['--sub', 'bot', '--rooms', 'a,b-*', '--scope', 'location:write-any relay', '--expires', '90s']
    const claims = decodeJwt(await token(args))
    expect(claims).toEqual({
      sub: 'bot',
      rooms: ['a', 'b-*'],
      scope: 'location:write-any relay',
      iss: env.AUTH_ISSUER,
      aud: env.AUTH_AUDIENCE,
      iat: expect.any(Number),
      exp: expect.any(Number),
    })
    expect(Math.abs((claims.exp ?? 0) - nowSeconds() - 90)).toBeLessThan(30)
  })

  test.each([
    ['without a secret', [], {}, /AUTH_SECRET/],
    ['with a short secret', [], { AUTH_SECRET: 'hunter2' }, /AUTH_SECRET.*32/],
    ['with an invalid duration', ['--expires', 'soon'], env, /--expires must be a time period .*"soon"/],
  ] as const)('%s prints the reason without the secret and exits 1', async (_, args, environment, why) => {
    const output = await token([...args], environment)
    expect(output).toMatch(/^1: /)
    expect(output).toMatch(why)
    expect(output).not.toMatch(/hunter2|a secret of/)
  })
})
