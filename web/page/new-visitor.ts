/**
 * Another user for a second window.
 */
import { newUserId } from './tab-user.ts'
import type { Visit } from './visit.ts'

const ADJECTIVES =
  'Amber Blue Bold Calm Clever Coral Gentle Golden Happy Jolly Lucky Mellow Misty Quiet Silver Sunny'.split(' ')
const BIRDS = 'Avocet Finch Grebe Heron Ibis Kestrel Lark Magpie Osprey Owl Plover Puffin Robin Swift Wren'.split(' ')

/** Returns a visit as a new user, with a random name and a random user id. */
export function newVisitor(room: string): Visit {
  const name = `${randomOf(ADJECTIVES)} ${randomOf(BIRDS)}`
  return { room, user: newUserId(name.toLowerCase().replace(' ', '-')), name }
}

const randomOf = (words: string[]) => words[Math.floor(Math.random() * words.length)]
