/**
 * Getting others into the room: a link to copy, and a second window as somebody else.
 */
import { addressOf, somebody } from './visit.ts'

const THANKS_MS = 2000

/** The room's link carries no user: who opens it comes as themselves. */
export function copyLinkOnClick(button: HTMLElement, room: string): void {
  const link = addressOf({ room, user: undefined, name: undefined }, location.href)
  const { textContent: label } = button
  let thanks: ReturnType<typeof setTimeout> | undefined
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(link)
    } catch {
      // No clipboard without HTTPS, or without leave: the link can still be copied by hand.
      return void prompt('The link to this room', link)
    }
    button.textContent = 'Copied'
    clearTimeout(thanks)
    thanks = setTimeout(() => {
      button.textContent = label
    }, THANKS_MS)
  })
}

/**
 * A window of its own where there is room for one, so that both can be seen; a plain link wherever a script may not
 * open any.
 */
export function openAsSomebodyElse(link: HTMLAnchorElement, room: string): void {
  const draw = () => {
    link.href = addressOf(somebody(room), location.href)
  }
  draw()
  link.addEventListener('click', event => {
    const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey
    const size = `width=${Math.round(screen.availWidth / 2)},height=${Math.round(screen.availHeight * 0.8)}`
    if (plain && window.open(link.href, '_blank', `popup,${size}`)) event.preventDefault()
    // Only after this click has gone where it pointed to.
    setTimeout(draw)
  })
}
