/**
 * Inviting other users into the room: a link to copy, and a second window as another user.
 */
import { newVisitor } from './new-visitor.ts'
import { visitUrl } from './visit.ts'

const COPIED_MS = 2000

/** Copies the room's link. The link has no user: the person who opens it joins as a different user. */
export function copyLinkOnClick(button: HTMLElement, room: string): void {
  const link = visitUrl({ room, user: undefined, name: undefined }, location.href)
  const { textContent: label } = button
  let timer: ReturnType<typeof setTimeout> | undefined
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(link)
    } catch {
      // Without HTTPS or without permission the clipboard is not available. The user can copy the link from the prompt.
      return void prompt('Link to this room', link)
    }
    button.textContent = 'Copied'
    clearTimeout(timer)
    timer = setTimeout(() => {
      button.textContent = label
    }, COPIED_MS)
  })
}

/** Opens the link in a popup, so both windows are visible. If the browser blocks popups, the link works as usual. */
export function openAsAnotherUser(link: HTMLAnchorElement, room: string): void {
  const setNewVisitor = () => {
    link.href = visitUrl(newVisitor(room), location.href)
  }
  setNewVisitor()
  link.addEventListener('click', event => {
    const isPlainClick = !event.ctrlKey && !event.metaKey && !event.shiftKey
    const size = `width=${Math.round(screen.availWidth / 2)},height=${Math.round(screen.availHeight * 0.8)}`
    if (isPlainClick && window.open(link.href, '_blank', `popup,${size}`)) event.preventDefault()
    // The browser reads `href` after this handler, so the link changes in a later task.
    setTimeout(setNewVisitor)
  })
}
