/** Plain English about the house's subject, so that common words become pieces too. */
export const prose = `
The thread is measured before it is cut. Every rollout that passes through the house comes out
exact, scored, durable and accounted for. When you ask for a number, the number has to come from
somewhere: a tool that was called, a result that was read, or a guess that will most likely be
wrong. A policy that guesses is not lying; it simply has not learned what pays. Give it a reward
when the answer is right and nothing when it is not, and over a few steps it will find out that
asking the right tool about the right thing and then saying what the tool said is the way to be
right. There is no trick in this and no answer is stored in the weights, since the values are new
each time. What is learned is the habit. You can see it happen in the transcripts: at first the
model writes two digits that have nothing to do with the question, then it calls any tool about
any thing, then it calls the right one, and at last it also copies what came back. That is all
that we want to show here, with real tokens, real log probabilities and a real gradient. If you
would like to know more about how the model works, read the code; it is short. The shop has some
things on the shelf, and you may ask what they cost or how many of them are left. Please answer
with a number only. The system will tell the user when there was an error, and then it can try
again. One of the first things that people ask is whether this could be done with less. It could,
but then it would not be the same thing, and the same bugs would not show up in the same place.
`;
