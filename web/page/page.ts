/**
 * The page: a sheet, the people in it, and me among them.
 *
 * Only puts the parts together, and shows what the client says.
 */

import type { Status } from '../client/index.ts'
import { Client, isRoom } from '../client/index.ts'
import { Announcer } from './announcer.ts'
import type { Place } from './cells.ts'
import { placeName } from './cells.ts'
import { byId, wantsStillness } from './elements.ts'
import { Grid } from './grid.ts'
import { Markers } from './markers.ts'
import { perFrame } from './per-frame.ts'
import { Roster } from './roster.ts'
import { copyLinkOnClick, openAsSomebodyElse } from './sharing.ts'
import { keepPlace, lastPlace, visitOf } from './visit.ts'

const visit = visitOf(location.search)
const start = lastPlace(visit)
const grid = new Grid(byId('grid'), moveTo)
const markers = new Markers(place => grid.cellAt(place))
const roster = new Roster(byId('roster'), find)
const announcer = new Announcer(byId('news'))
const touched = new Set<string>()
const notices: { offline?: string | undefined; move?: string | undefined } = {}
const renderSoon = perFrame(render)
let client: Client | undefined

byId('room').textContent = visit.room
copyLinkOnClick(byId('copy'), visit.room)
openAsSomebodyElse(byId('second') as HTMLAnchorElement, visit.room)
select(start)
grid.show(start)
if (isRoom(visit.room)) client = join()
else showStatus('offline', `“${visit.room}” can't be the name of a room.`)

function join(): Client {
  return new Client({
    room: visit.room,
    user: visit.user,
    // The page may be served below some path.
    base: new URL('.', document.baseURI).href.replace(/\/$/, ''),
    where: draftAt(start),
    onChange(users) {
      for (const user of users) touched.add(user)
      renderSoon()
    },
    onStatus: (status, refusal) => showStatus(status, refusal?.detail),
    onPublished: refusal => showNotice('move', refusal && `Your move was not shared: ${refusal.detail}`),
  })
}

function draftAt({ x, y }: Place) {
  return { name: visit.name, x, y }
}

/** My own doing: shown at once, and told to the others. */
function moveTo(place: Place): void {
  select(place)
  client?.publish(draftAt(place))
}

function select(place: Place): void {
  grid.select(place)
  keepPlace(visit, place)
  byId('here').textContent = placeName(place)
}

function render(): void {
  const me = client?.me
  for (const user of touched) {
    const location = client?.where(user)
    const before = roster.nameOf(user)
    if (location) {
      if (before === undefined) announcer.join(location.name)
      markers.set(location, user === me)
      roster.set(location, user === me)
      if (user === me) showMe(location.name, location)
    } else if (before !== undefined) {
      announcer.leave(before)
      markers.remove(user)
      roster.remove(user)
    }
  }
  touched.clear()
  markers.stack()
  roster.sort()
  announcer.say(roster.size)
  byId('count').textContent = String(roster.size)
  byId('alone').hidden = roster.size !== 1 || me === undefined
  document.title = `${roster.size > 1 ? `(${roster.size}) ` : ''}${visit.room} · Colocate`
}

/** Another tab of mine may have moved me. */
function showMe(name: string, place: Place): void {
  byId('me').textContent = name
  if (placeName(place) !== byId('here').textContent) select(place)
}

function find(user: string): void {
  const location = client?.where(user)
  const cell = location && grid.cellAt(location)
  if (!cell) return
  const still = wantsStillness()
  cell.scrollIntoView({ block: 'center', inline: 'center', behavior: still ? 'instant' : 'smooth' })
  if (!still) cell.animate([{ backgroundColor: 'var(--flash)' }, {}], { duration: 1200, easing: 'ease-out' })
}

function showStatus(status: Status, detail?: string): void {
  const element = byId('status')
  element.dataset.status = status
  element.textContent = status
  showNotice('offline', detail)
}

/** Each cause takes back what it said itself, and nothing else. */
function showNotice(cause: keyof typeof notices, detail: string | undefined): void {
  notices[cause] = detail
  const text = [notices.offline, notices.move].filter(Boolean).join(' ')
  const notice = byId('notice')
  notice.hidden = text === ''
  if (notice.textContent !== text) notice.textContent = text
}
