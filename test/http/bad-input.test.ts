/** Invalid bodies: the server answers with a problem, stores nothing and keeps running. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { expectProblem } from '../support/requests.ts'
import { Room, stores, useServer } from '../support/rooms.ts'

const forbiddenTexts = [
  ['a line feed', 'a\nb'],
  ['a carriage return', 'a\rb'],
  ['a trailing line feed', 'ab\n'],
  ['a forged event', 'a\n\ndata: {"type":"leave","user":"bob","reason":"left"}\n\n'],
  ['a NUL', 'a\0b'],
  ['a tab', 'a\tb'],
  ['U+007F', 'a\u007fb'],
  ['U+0085', 'a\u0085b'],
  ['a lone high surrogate', 'a\ud83d'],
  ['a lone low surrogate', '\udc19b'],
] as const

const notJson: [string, string | Uint8Array][] = [
  ['an empty body', ''],
  ['a byte order mark and nothing else', '\ufeff'],
  ['white space and nothing else', ' \r\n'],
  ['half an object', '{"user":"alice","x":1'],
  ['plain text', 'hello'],
  ['form data', 'user=alice&x=1&y=1'],
  ['NaN', '{"user":"alice","x":NaN,"y":1}'],
  ['single quotes', "{'user':'alice','x':1,'y':1}"],
  ['a trailing comma', '{"user":"alice","x":1,"y":1,}'],
  ['a raw line feed in a string', '{"user":"al\nice","x":1,"y":1}'],
  ['two JSON values', '{"user":"alice","x":1,"y":1}{"user":"bob","x":1,"y":1}'],
  ['invalid UTF-8', Buffer.concat([Buffer.from('{"user":"al'), Buffer.of(0xff), Buffer.from('","x":1,"y":1}')])],
  [
    'a surrogate encoded as UTF-8',
    Buffer.concat([Buffer.from('{"user":"'), Buffer.of(0xed, 0xa0, 0xbd), Buffer.from('","x":1,"y":1}')]),
  ],
  ['an overlong NUL', Buffer.concat([Buffer.from('{"user":"'), Buffer.of(0xc0, 0x80), Buffer.from('","x":1,"y":1}')])],
  ['UTF-16', Buffer.from('{"user":"alice","x":1,"y":1}', 'utf16le')],
  ['8,000 brackets', '['.repeat(8000)],
  ['1 MiB of brackets', '['.repeat(2 ** 20)],
]

const notValid: [string, string, string][] = [
  ['null', 'null', ''],
  ['a number', '1', ''],
  ['a string', '"alice"', ''],
  ['no fields', '{}', 'x'],
  ['no y', '{"user":"alice","x":1}', 'y'],
  ['1e400', '{"user":"alice","x":1e400,"y":1}', 'x'],
  ['-1e400', '{"user":"alice","x":1,"y":-1e400}', 'y'],
  ['a string for x', '{"user":"alice","x":"1","y":1}', 'x'],
  ['null for x', '{"user":"alice","x":null,"y":1}', 'x'],
  ['true for y', '{"user":"alice","x":1,"y":true}', 'y'],
  ['an array for y', '{"user":"alice","x":1,"y":[1]}', 'y'],
  ['x only in a prototype', '{"user":"alice","y":1,"__proto__":{"x":1}}', 'x'],
  ['a number for the user', '{"user":1,"x":1,"y":1}', 'user'],
  ['an empty user', '{"user":"","x":1,"y":1}', 'user'],
  ['the user .', '{"user":".","x":1,"y":1}', 'user'],
  ['the user ..', '{"user":"..","x":1,"y":1}', 'user'],
  ['a user of 65 characters', `{"user":"${'a'.repeat(65)}","x":1,"y":1}`, 'user'],
  ['a user of 65 characters outside the BMP', `{"user":"${'🐙'.repeat(65)}","x":1,"y":1}`, 'user'],
  ['a user of 15,000 characters', `{"user":"${'a'.repeat(15_000)}","x":1,"y":1}`, 'user'],
  ['a name of 65 characters', `{"user":"alice","name":"${'a'.repeat(65)}","x":1,"y":1}`, 'name'],
  ['an array for the name', '{"user":"alice","name":["Alice"],"x":1,"y":1}', 'name'],
  ['a color name', '{"user":"alice","color":"red","x":1,"y":1}', 'color'],
  ['a color of three digits', '{"user":"alice","color":"#e45","x":1,"y":1}', 'color'],
  ['a color followed by more text', '{"user":"alice","color":"#e4572e;x","x":1,"y":1}', 'color'],
  ['a color followed by a line feed', '{"user":"alice","color":"#e4572e\\n","x":1,"y":1}', 'color'],
  [
    'a meta that is nested too deeply',
    `{"user":"alice","x":1,"y":1,"meta":${'{"a":'.repeat(2600)}1${'}'.repeat(2600)}}`,
    'meta',
  ],
  [
    'a meta of 7,000 nested arrays',
    `{"user":"alice","x":1,"y":1,"meta":{"a":${'['.repeat(7000)}${']'.repeat(7000)}}}`,
    'meta',
  ],
  ['8,000 nested arrays', `${'['.repeat(8000)}${']'.repeat(8000)}`, '0'],
  ['500,000 nested arrays', `${'['.repeat(500_000)}${']'.repeat(500_000)}`, '0'],
]

describe.each(stores)('with the %s store, a body', store => {
  const server = useServer(store)
  let room: Room

  const refused = async (bytes: string | Uint8Array, status = 400) => {
    room = new Room(server)
    const answer = await room.send('POST', '', { bytes })
    expectProblem(answer, status)
    return answer
  }

  afterEach(async () => {
    expect((await room.get()).body).toEqual({ room: room.name, lastEventId: '0-0', locations: [] })
    expect(server.child.exitCode).toBeNull()
  })

  test.each(notJson)('with %s is refused because it is not JSON', async (_, bytes) => {
    const { body } = await refused(bytes)
    expect(body.errors).toBeUndefined()
  })

  test.each(notValid)('with %s is refused, and the problem contains the path of the error', async (_, bytes, path) => {
    const { body } = await refused(bytes)
    expect(body.errors?.map(error => error.path)).toContain(path)
  })

  describe.each(['user', 'name', 'color'])('whose %s contains', field => {
    test.each(forbiddenTexts)('%s is refused, alone and in a batch', async (_, text) => {
      const location = { user: 'alice', x: 1, y: 1, [field]: text }
      expect((await refused(JSON.stringify(location))).body.errors?.map(({ path }) => path)).toEqual([field])
      await refused(JSON.stringify([{ user: 'bob', x: 1, y: 1 }, location]))
    })
  })

  test('with several invalid fields is refused with an error for each of them', async () => {
    const { body } = await refused('{"user":"","name":1,"color":"red","x":"1","meta":[],"seq":"1"}')
    expect(body.errors?.map(({ path }) => path).sort()).toEqual(['color', 'meta', 'name', 'seq', 'user', 'x', 'y'])
  })

  test('with 500,001 invalid locations is refused with a problem shorter than the body', async () => {
    const { text } = await refused(`[${'0,'.repeat(500_000)}0]`)
    expect(text.length).toBeLessThan(2 ** 20)
  })

  test.each(['/sse', '/alive'])('posted to %s is validated as well', async rest => {
    room = new Room(server)
    for (const bytes of [
      '',
      '\ufeff',
      'x',
      'null',
      '1',
      '[]',
      '{"user":1}',
      '{"user":""}',
      '{"user":".."}',
      '{"user":"a\\nb"}',
    ])
      expectProblem(await room.send('POST', rest, { bytes }), 400)
  })
})
