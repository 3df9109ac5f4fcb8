/** What is not a location: a problem that says so, nothing stored, the process alive. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { expectProblem } from '../support/requests.ts'
import { Room, stores, useServer } from '../support/rooms.ts'

const forgeries = [
  ['a line feed', 'a\nb'],
  ['a carriage return', 'a\rb'],
  ['a line feed at its end', 'ab\n'],
  ['what forges an event', 'a\n\ndata: {"type":"leave","user":"bob","reason":"left"}\n\n'],
  ['a NUL', 'a\0b'],
  ['a tab', 'a\tb'],
  ['U+007F', 'a\u007fb'],
  ['U+0085', 'a\u0085b'],
  ['half a surrogate pair', 'a\ud83d'],
  ['the other half', '\udc19b'],
] as const

const notJson: [string, string | Uint8Array][] = [
  ['an empty body', ''],
  ['a byte order mark alone', '\ufeff'],
  ['whitespace alone', ' \r\n'],
  ['half an object', '{"user":"alice","x":1'],
  ['words', 'hello'],
  ['a form', 'user=alice&x=1&y=1'],
  ['NaN', '{"user":"alice","x":NaN,"y":1}'],
  ['single quotes', "{'user':'alice','x':1,'y':1}"],
  ['a comma too many', '{"user":"alice","x":1,"y":1,}'],
  ['a raw line feed in a string', '{"user":"al\nice","x":1,"y":1}'],
  ['two values', '{"user":"alice","x":1,"y":1}{"user":"bob","x":1,"y":1}'],
  [
    'bytes that are no UTF-8',
    Buffer.concat([Buffer.from('{"user":"al'), Buffer.of(0xff), Buffer.from('","x":1,"y":1}')]),
  ],
  [
    'a surrogate as UTF-8',
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
  ['a list for y', '{"user":"alice","x":1,"y":[1]}', 'y'],
  ['x only in a prototype', '{"user":"alice","y":1,"__proto__":{"x":1}}', 'x'],
  ['a number for the user', '{"user":1,"x":1,"y":1}', 'user'],
  ['no letter in the user', '{"user":"","x":1,"y":1}', 'user'],
  ['the user .', '{"user":".","x":1,"y":1}', 'user'],
  ['the user ..', '{"user":"..","x":1,"y":1}', 'user'],
  ['a user of 65', `{"user":"${'a'.repeat(65)}","x":1,"y":1}`, 'user'],
  ['a user of 65 outside the first plane', `{"user":"${'🐙'.repeat(65)}","x":1,"y":1}`, 'user'],
  ['a user of 15,000', `{"user":"${'a'.repeat(15_000)}","x":1,"y":1}`, 'user'],
  ['a name of 65', `{"user":"alice","name":"${'a'.repeat(65)}","x":1,"y":1}`, 'name'],
  ['a list for the name', '{"user":"alice","name":["Alice"],"x":1,"y":1}', 'name'],
  ['a colour in words', '{"user":"alice","color":"red","x":1,"y":1}', 'color'],
  ['a short colour', '{"user":"alice","color":"#e45","x":1,"y":1}', 'color'],
  ['a colour with more behind it', '{"user":"alice","color":"#e4572e;x","x":1,"y":1}', 'color'],
  ['a colour and a line feed', '{"user":"alice","color":"#e4572e\\n","x":1,"y":1}', 'color'],
  ['a meta too deep', `{"user":"alice","x":1,"y":1,"meta":${'{"a":'.repeat(2600)}1${'}'.repeat(2600)}}`, 'meta'],
  ['a meta of 7,000 lists', `{"user":"alice","x":1,"y":1,"meta":{"a":${'['.repeat(7000)}${']'.repeat(7000)}}}`, 'meta'],
  ['8,000 lists in each other', `${'['.repeat(8000)}${']'.repeat(8000)}`, '0'],
  ['500,000 lists in each other', `${'['.repeat(500_000)}${']'.repeat(500_000)}`, '0'],
]

describe.each(stores)('over %s', store => {
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

  test.each(notJson)('%s is refused: not JSON', async (_, bytes) => {
    const { body } = await refused(bytes)
    expect(body.errors).toBeUndefined()
  })

  test.each(notValid)('%s is refused, and the problem says where', async (_, bytes, path) => {
    const { body } = await refused(bytes)
    expect(body.errors?.map(error => error.path)).toContain(path)
  })

  describe.each(['user', 'name', 'color'])('in a %s', field => {
    test.each(forgeries)('%s is refused, and in a batch too', async (_, text) => {
      const said = { user: 'alice', x: 1, y: 1, [field]: text }
      expect((await refused(JSON.stringify(said))).body.errors?.map(({ path }) => path)).toEqual([field])
      await refused(JSON.stringify([{ user: 'bob', x: 1, y: 1 }, said]))
    })
  })

  test('every fault of a body is named', async () => {
    const { body } = await refused('{"user":"","name":1,"color":"red","x":"1","meta":[],"seq":"1"}')
    expect(body.errors?.map(({ path }) => path).sort()).toEqual(['color', 'meta', 'name', 'seq', 'user', 'x', 'y'])
  })

  test('a batch of nothing but faults has an answer that is no longer than the batch', async () => {
    const { text } = await refused(`[${'0,'.repeat(500_000)}0]`)
    expect(text.length).toBeLessThan(2 ** 20)
  })

  test.each(['/sse', '/alive'])('of what is posted to %s the same is asked', async rest => {
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
