"""How telephones are answered: a set of our own, people and machines, as timelines. Wordings are ours, after what such
greetings usually say; nobody's recordings. Seconds are pauses before the event; speech takes 2.6 words a second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Say:
    """Somebody speaks, `after` seconds after what came before. `answer`: None, or whether it answered the bot's
    question and was understood."""

    after: float
    text: str
    answer: bool | None = None

    @property
    def length(self) -> float:
        return max(0.4, len(self.text.split()) / 2.6)


@dataclass(frozen=True, slots=True)
class Beep:
    """A beep of 0.4 s at 1 kHz."""

    after: float


@dataclass(frozen=True, slots=True)
class Special:
    """The three tones before a carrier's announcement, 1 s."""

    after: float = 0.2


@dataclass(frozen=True, slots=True)
class Answer:
    """One call. `kind`: as in voicebot.turn.amd, "human" for people."""

    kind: str
    events: tuple[Say | Beep | Special, ...]

    @property
    def name(self) -> str:
        """For test ids."""
        said = next((e.text for e in self.events if isinstance(e, Say)), "no word")
        return f"{self.kind}: {said[:40]}"


def _of(kind: str, *calls: tuple[Say | Beep | Special, ...]) -> list[Answer]:
    return [Answer(kind, events) for events in calls]


VOICEMAIL = _of(
    "voicemail",
    (Say(0.4, "Hi, you've reached the voicemail of Joe Miller. Please leave a message after the tone."), Beep(0.8)),
    (Say(0.3, "Hello. I'm not available right now. Leave a message after the beep and I'll get back to you."), Beep(1)),
    (
        Say(0.6, "The person you are trying to reach is not available. At the tone, please record your message."),
        Say(0.5, "When you have finished recording, you may hang up, or press one for more options."),
        Beep(0.5),
    ),
    (
        Say(0.2, "Your call has been forwarded to an automatic voice message system."),
        Say(0.4, "Five five five, zero one two three, is not available. At the tone, please record your message."),
        Beep(0.5),
    ),
    (Say(0.5, "Hey, this is Bob, I'm out surfing, you know what to do."), Beep(0.6)),
    (Say(0.5, "We are not at home at the moment. Bye."), Beep(0.5)),
    (Say(0.4, "Sorry we missed your call. If you leave your name and number we will ring you straight back."),),
    (
        Say(0.4, "You have reached the Miller family. Nobody is here to take your call. Speak after the signal."),
        Beep(0.7),
    ),
    (
        Say(0.4, "Welcome to the mobile mailbox of"),
        Say(0.4, "Eva Heath."),
        Say(0.5, "Please speak after the tone."),
        Beep(0.4),
    ),
    (Say(0.4, "The mailbox is full and cannot accept any messages at this time. Goodbye."),),
    (Say(0.6, "Hello?"), Say(1.5, "Got you! I'm not here. Leave it at the beep, I'll call you back."), Beep(0.5)),
    (Say(5.5, "Please leave your message after the tone."), Beep(0.5)),
    (Say(0.3, "Hi, it's Anna, I can't talk right now, text me or leave a voicemail, thanks, bye."), Beep(0.8)),
    (
        Say(0.5, "Thank you for calling the Miller household, we are away, so please leave word after the beep."),
        Beep(1.0),
    ),
    (Say(0.4, "This is the answering machine of Kay Knoll. I am away, I will return your call."), Beep(2.0)),
)  # fmt: skip

SCREENING = _of(
    "screening",
    (Say(0.3, "Hi. If you record your name and reason for calling, I'll see if this person is available."),),
    (
        Say(0.3, "Hi, the person you're calling is using a screening service, and will get a copy of this."),
        Say(0.3, "Go ahead and say your name and why you're calling."),
    ),
    (Say(0.4, "Please state your name after the tone, and we will try to connect you."), Beep(0.4)),
    (Say(0.4, "The person you're trying to reach uses call screening. Who's calling, and what's it about?"),),
    (Say(0.4, "This number is protected by a call assistant. Tell me why you are calling and I will pass it on."),),
)  # fmt: skip

IVR = _of(
    "ivr",
    (
        Say(0.3, "Thank you for calling Miller and Sons. Your call is important to us."),
        Say(0.3, "For sales, press 1. For billing, press 2. To hear this again, press 9."),
    ),
    (
        Say(0.4, "Welcome to Riverside Dental. We are currently closed."),
        Say(0.4, "Our office hours are Monday to Friday, nine to five. If this is an emergency, dial nine one one."),
    ),
    (
        Say(0.4, "All our agents are busy at the moment."),
        Say(0.5, "Please stay on the line, calls are answered in the order they were received."),
    ),
    (Say(0.4, "Please enter the extension of the person you wish to reach, or press zero for the operator."),),
    (Say(0.4, "Main menu. Please listen carefully, as our menu options have changed."),),
)  # fmt: skip

ANNOUNCEMENTS = [
    *_of(
        "not_in_service",
        (
            Special(),
            Say(0.3, "The number you have dialled is not in service. Please check the number and dial again."),
        ),
        (Say(0.3, "We're sorry, your call cannot be completed as dialed."),),
        (Special(), Say(0.2, "The number you have called has been disconnected.")),
    ),
    *_of(
        "barred",
        (Say(0.3, "The person you are calling is not accepting calls at this time."),),
        (Say(0.3, "This number has been temporarily suspended."),),
    ),
    *_of(
        "unreachable",
        (Say(0.3, "The customer you are calling is switched off or out of coverage. Please try again later."),),
        (Say(0.3, "The subscriber you have dialled cannot be reached at the moment."),),
    ),
]

PEOPLE = _of(
    "human",
    (Say(0.5, "Hello?"),),
    (Say(0.3, "Yes?"), Say(7.0, "Yes, speaking.", answer=True)),
    (Say(0.3, "Miller."),),
    (Say(0.8, "Hello, who is this?"),),
    (Say(0.4, "Hi, Joe speaking."), Say(8.0, "Yes, that's me.", answer=True)),
    (Say(0.3, "Good morning, Miller residence, who is calling please?"),),
    (Say(0.3, "Hello, Miller speaking, good morning, who is this?"),),
    (Say(0.3, "Hello, Miller speaking, good morning, who is this please, and what is it about?"),),
    (Say(0.3, "Thank you for calling Miller's bakery, this is Anna, how may I help you?"),),
    (Say(0.5, "Riverside Dental, Anna speaking, what is the reason for your call?"),),
    (Say(0.3, "You've reached Anna Miller, what can I do for you today?"),),
    (Say(9.0, "Yes, speaking.", answer=True),),
    (Say(9.0, "Yes, this is Joe Miller speaking, good morning, how can I help you?", answer=True),),
    (Say(0.4, "Hello?"), Say(1.0, "Hello? Is anybody there? I can hear you, who is this?")),
    (Say(9.0, "No, he is not available right now. Can I take a message?", answer=False),),
    (Say(9.0, "He can't come to the phone, would you like to leave a message?", answer=False),),
    (Say(0.4, "Hello?"), Say(7.5, "I'm driving right now, can you call me back later?", answer=True)),
    (Say(0.4, "Hello. Hang on, one moment please, let me get him. Who is calling?"),),
    (
        Say(0.5, "Is this another robot? I always get these machines. I told you people to stop calling me at work, I"
            " never asked for any of this."),
    ),
    (
        Say(0.4, "Oh hi Susan, I was just about to call you, you will not believe what happened at the office today, I"
            " was standing there with the coffee and then the door opened and in came the whole board."),
    ),
    (Say(0.4, "Please hold on, I will put you through to accounting."),),
    (Say(0.4, "Hello?"), Beep(0.3), Beep(10.0)),
    (Say(0.4, "Hello, who is this?"), Beep(0.5)),
    (Beep(1.0), Say(1.0, "Hello?")),
    (Say(9.0, "I'm not available right now, call me back tomorrow.", answer=True), Beep(1.0)),
    (Say(0.4, "Speaking."), Say(8.0, "What is this about, and who is this?", answer=False)),
    (Say(0.5, "Hello?"), Say(6.0, "Just leave it after the beep, ha, no, I'm kidding, it's me.", answer=False)),
    (Say(2.8, "Sorry, I had to find the phone, hello, who am I speaking with?"),),
    (Say(0.4, "Anna's phone, she is away from her desk, can I help?"),),
    (Say(0.4, "Yes hello, this is a bad moment, I can't talk, I'm in a meeting, I'll call you back."),),
    (),
    (Say(0.3, "Customer service, my name is Paul, what can I do for you?"),),
    (Say(0.3, "Hello, hello, hello."), Say(4.0, "No.", answer=True), Say(3.0, "Wrong number.", answer=True)),
    (Say(9.0, "My husband is away from home, his phone is switched off, please try again later.", answer=False),),
    (Say(9.0, "Who is calling, and what is the reason for your call?", answer=False),),
)  # fmt: skip

#: Written after the table was first tuned, to see what it is worth on other wordings.
LATER = [
    *_of(
        "voicemail",
        (
            Say(
                0.4,
                "Hello, you have reached Karen and Steve. We can't get to the phone, but do leave us a "
                "message and we'll call you soon.",
            ),
            Beep(0.7),
        ),
        (
            Say(
                0.3,
                "O two messaging service. The person you are calling is unable to take your call. Please "
                "leave your message after the tone.",
            ),
            Beep(0.6),
        ),
        (
            Say(0.5, "Yo, it's Mike. Not here. Beep."),
            Beep(0.5),
        ),
        (
            Say(
                0.3,
                "The mobile customer you have called cannot take your call at present. Please leave a voice "
                "message or send a text.",
            ),
        ),
        (
            Say(
                0.4,
                "Hi there, this is Doctor Brown's private line. I'm with a patient. Kindly leave your details "
                "and I will phone you this evening.",
            ),
            Beep(1.0),
        ),
        (
            Say(0.4, "You've got through to Emma's phone, I'm probably ignoring you, leave something nice."),
            Beep(0.5),
        ),
        (
            Say(
                0.3,
                "Good afternoon. You have reached the desk of Martin Grove at Harbour. I am on vacation until "
                "the third. For urgent matters contact my assistant. Otherwise leave a message.",
            ),
            Beep(0.9),
        ),
    ),
    *_of(
        "screening",
        (
            Say(
                0.3,
                "Hello, this phone is using an assistant to answer. Please say who you are and the reason for "
                "your call, then stay on the line.",
            ),
        ),
    ),
    *_of(
        "ivr",
        (
            Say(
                0.3,
                "Welcome to City Clinic. If you know your party's extension, you may dial it at any time. For "
                "appointments, press two.",
            ),
        ),
        (Say(0.3, "Due to high call volume, waiting times are longer than usual. You are number four in the queue."),),
    ),
    *_of(
        "not_in_service",
        (
            Special(0.2),
            Say(0.2, "The telephone number you are calling is no longer in use. Please verify the number."),
        ),
    ),
    *_of(
        "unreachable",
        (Say(0.3, "The phone you are calling is turned off. Please try later."),),
    ),
    *_of(
        "human",
        (Say(0.4, "Hello, this is Karen."),),
        (
            Say(0.5, "Who's this?"),
            Say(8.0, "Yeah that's me.", answer=True),
        ),
        (Say(0.4, "Hallo? Hallo? I can't hear you very well, can you speak up please?"),),
        (Say(0.3, "City Clinic, good morning, Paula speaking, how can I direct your call?"),),
        (Say(0.5, "Hey babe, I'm almost home, do you want me to pick something up? Hello?"),),
        (Say(9.0, "She is not home, you can leave a message with me if you like.", answer=False),),
        (Say(9.0, "Yes it is, but please be quick, I'm at work and my boss is looking.", answer=True),),
        (
            Say(
                0.6,
                "Yes hello, I was waiting for your call, I already left two messages on your voicemail and "
                "nobody called me back.",
            ),
        ),
        (Say(0.4, "If this is about the car insurance again, I'm not interested, goodbye."),),
        (Say(0.3, "Miller here, I'm driving, you are on the speaker, go ahead."),),
        (Say(0.3, "Sorry, the phone was on silent, hello, who is calling?"),),
        (Say(9.0, "He is in the shower, please try again later, thank you.", answer=False),),
        (Say(0.5, "Don't press anything, sweetheart, give the phone to daddy, hello?"),),
        (
            Say(0.4, "Hello?"),
            Say(2.0, "Is that the bank? I have been on hold for an hour, your call is important to us, my foot."),
        ),
        (Say(9.0, "I don't know this number, what is this call about and why are you calling me?", answer=False),),
        (Say(0.4, "This is reception, Joe is away from his desk, shall I put you through to his voicemail?"),),
    ),
]

#: Machines that are known to be taken for people (false human): nothing in them is a machine's alone.
MISSED = [
    *_of(
        "voicemail",
        (
            Say(0.6, "Memory is full."),
            Beep(0.8),
        ),
    ),
    *_of(
        "screening",
        (Say(0.3, "Before I try to connect you, can I ask your name and why you're calling?"),),
    ),
    *_of(
        "ivr",
        (
            Say(
                0.3,
                "Hello and thank you for calling. So that I can direct your call, please tell me in a few "
                "words what you are calling about.",
            ),
        ),
    ),
]

CALLS = (*VOICEMAIL, *SCREENING, *IVR, *ANNOUNCEMENTS, *PEOPLE, *LATER)
