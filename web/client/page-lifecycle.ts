/**
 * Watches the events of a page that affect its connections. In Node.js and in web workers, there are no such events.
 */
export interface PageListeners {
  /** The page is seen again, or the network is back. */
  onWake(): void
  onHidden(): void
  /** The network is gone. */
  onOffline(): void
  /** The page goes away; it may come back out of the back/forward cache. */
  onUnload(): void
  /** The page came back out of the back/forward cache. */
  onReturn(): void
}

/** Resolves when the page is not, or no longer, prerendered: a page that is never shown must not join. */
export async function whenActivated(): Promise<void> {
  const page = globalThis.document as (Document & { prerendering?: boolean }) | undefined
  if (page?.prerendering) await new Promise(resolve => page.addEventListener('prerenderingchange', resolve))
}

export const isHidden = (): boolean => globalThis.document?.visibilityState === 'hidden'

export function watchPage(
  { onWake, onHidden, onOffline, onUnload, onReturn }: PageListeners,
  signal: AbortSignal,
): void {
  if (!globalThis.document) return
  const on = (type: string, listener: (event: Event) => void) => addEventListener(type, listener, { signal })
  document.addEventListener('visibilitychange', () => (isHidden() ? onHidden() : onWake()), { signal })
  on('focus', onWake)
  on('online', onWake)
  on('offline', onOffline)
  on('pagehide', onUnload)
  on('pageshow', event => ((event as PageTransitionEvent).persisted ? onReturn() : onWake()))
}
