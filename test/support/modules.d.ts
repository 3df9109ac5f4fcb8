/** Express 4, installed under another name. For the tests its types are those of Express 5. */
declare module 'express4' {
  import express from 'express'

  export default express
}
